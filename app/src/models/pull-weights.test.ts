import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodePytorchBin, transposedView } from '../../test/fixtures/models/pytorch-bin-writer.ts';
import {
  storedBytes,
  tinyModel,
  weightFiles,
  writeTinyRepository,
} from '../../test/fixtures/models/tiny-repository.ts';
import { drain, type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';
import { tinyAdapter } from '../../test/hub/tiny-adapter.ts';
import { readModelFacts } from './registry/model-facts.ts';

describe('pulling weights through the converter', () => {
  let fixtures: string;
  let at: ModelsOnHub;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
    await writeTinyRepository(join(fixtures, 'llama'), { layers: 2, shards: 2, dtype: 'f16' });
  });

  afterAll(() => rmSync(fixtures, { recursive: true }));

  beforeEach(async () => {
    at = await startModelsOnHub({
      repositories: [
        { id: 'owner/tiny-llama', folder: join(fixtures, 'llama'), licence: 'llama2', storage: 'xet' },
        {
          id: 'owner/adapter',
          files: tinyAdapter({ base: 'owner/tiny-llama' }),

          licence: 'mit',
        },
      ],
    });
  });

  afterEach(() => at.close());

  const add = (id: string, files: Record<string, Uint8Array | string>): string => at.hub.add({ id, files });
  const failure = (
    reference: string,
    base?: string,
  ): Promise<{ code: string; message: string; hint: string }> =>
    drain(at.models.pull(reference, base === undefined ? {} : { base })).then(
      () => ({ code: 'none', message: '', hint: '' }),
      (error: unknown) => error as { code: string; message: string; hint: string },
    );

  it('converts where a finished file says nothing of its kind and none was asked for', async () => {
    const folder = join(fixtures, 'beside-a-file');
    cpSync(join(fixtures, 'llama'), folder, { recursive: true });
    writeFileSync(join(folder, 'model.gguf'), 'whatever this is');
    at.hub.add({ id: 'owner/both', folder });
    const [plan] = await drain(at.models.pull('owner/both'));
    expect(plan).toMatchObject({ preflight: { action: 'convert', quantisation: 'q4_k_m' } });
  });

  it('streams the base through the converter, so that none of its bytes are written', async () => {
    const watched = new Set<string>();
    let done;
    for await (const event of at.models.pull('owner/tiny-llama+owner/adapter:q4_k_m')) {
      for (const key of at.inside('pulls')) for (const name of at.inside(`pulls/${key}`)) watched.add(name);
      if (event.type === 'done') done = event.model;
      if (event.type === 'plan') {
        expect(event.preflight).toMatchObject({
          action: 'convert',
          architecture: 'llama',
          quantisation: 'q4_k_m',
          licence: 'llama2',
          verdict: 'fits',
        });
        const names = event.preflight.files.map(({ name }) => name);
        expect(names.slice(0, 3)).toEqual([
          'owner/tiny-llama/model-00001-of-00002.safetensors',
          'owner/tiny-llama/model-00002-of-00002.safetensors',
          'owner/adapter/adapter_model.safetensors',
        ]);
        const configs = ['owner/tiny-llama/config.json', 'owner/adapter/adapter_config.json'];
        expect(names).toEqual(expect.arrayContaining(configs));
        expect(event.preflight.notes.join(' ')).toContain('llama2');
      }
    }
    expect(done).toMatchObject({
      id: 'owner/tiny-llama+owner/adapter:q4_k_m',
      architecture: 'llama',
      quantisation: 'q4_k_m',
      merged: [{ reference: 'owner/adapter', weight: 1, licence: 'mit' }],
    });
    // The adapter is `0.file`; weights of the base would have had to be another one.
    expect([...watched].filter((name) => /^\d/.test(name)).every((name) => name.startsWith('0.'))).toBe(true);
    expect(at.inside('pulls')).toEqual([]);
    const stored = at.inside('blobs').map((name) => join(at.folder, 'models/blobs', name));
    expect(stored).toHaveLength(1);
    const bytes = readFileSync(stored[0] ?? '');
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(done?.sha256);
    const plain = await pulled(at.models.pull('owner/tiny-llama:q4_k_m'));
    expect(plain.sha256).not.toBe(done?.sha256);
    expect(plain.merged).toEqual([]);
  });

  it('keeps a file on disk while it is converted whose tensors do not lie in order, and says so', async () => {
    const folder = join(fixtures, 'transposed');
    const model = await writeTinyRepository(folder, { dtype: 'f16' });
    const tensors = [...model.tensors].map(([name, { shape, values }]) =>
      transposedView({ name, dtype: 'f16', shape, bytes: storedBytes(values, 'f16') }),
    );
    const bin = encodePytorchBin(tensors);
    writeFileSync(join(folder, 'pytorch_model.bin'), bin);
    rmSync(join(folder, 'model.safetensors'));
    at.hub.add({ id: 'owner/transposed', folder });
    const kept = new Set<string>();
    const events = [];
    for await (const event of at.models.pull('owner/transposed+owner/adapter:f16', {
      base: 'owner/transposed',
    })) {
      for (const key of at.inside('pulls')) for (const name of at.inside(`pulls/${key}`)) kept.add(name);
      events.push(event);
    }
    expect([...kept]).toContain('1.file');
    expect(at.inside('pulls')).toEqual([]);
    const [plan] = events.filter((event) => event.type === 'plan');
    expect(plan?.preflight.disk.needBytes).toBeGreaterThan(bin.length + (plan?.preflight.resultBytes ?? 0));
    expect(events.find(({ type }) => type === 'note')).toMatchObject({
      message: expect.stringMatching(/pytorch_model.bin.*on disk/) as string,
    });
    const done = events.at(-1);
    expect(done?.type).toBe('done');
    await writeTinyRepository(join(fixtures, 'in-order'), { dtype: 'f16' });
    at.hub.add({ id: 'owner/in-order', folder: join(fixtures, 'in-order') });
    const plain = await pulled(
      at.models.pull('owner/in-order+owner/adapter:f16', { base: 'owner/in-order' }),
    );
    expect(done?.type === 'done' && done.model.parameters).toBe(plain.parameters);
  });

  it('takes the base of an adapter that is named alone from its config, the alias table or --base', async () => {
    const alone = await pulled(at.models.pull('owner/adapter:f16'));
    expect(alone.id).toBe('owner/tiny-llama+owner/adapter:f16');
    expect(await at.models.resolve('owner/adapter')).toMatchObject({ id: alone.id });
    expect(await at.models.resolve('owner/adapter:f16')).toMatchObject({ id: alone.id });
    at.hub.add({ id: 'huggyllama/llama-7b', folder: join(fixtures, 'llama') });
    add('timdettmers/guanaco-7b', tinyAdapter({ base: '/gscratch/zlab/llama/7B' }));
    expect((await pulled(at.models.pull('timdettmers/guanaco-7b'))).id).toBe(
      'huggyllama/llama-7b+timdettmers/guanaco-7b:q4_k_m',
    );
    await at.models.remove('timdettmers/guanaco-7b');
    expect((await pulled(at.models.pull('huggyllama/llama-7b+timdettmers/guanaco-7b'))).merged).toHaveLength(
      1,
    );
    add('owner/private-path', tinyAdapter({ base: '/home/me/llama' }));
    expect(await failure('owner/private-path')).toMatchObject({
      code: 'adapter-mismatch',
      hint: expect.stringMatching(/--base/) as string,
    });
    expect(await failure('owner/private-path', 'owner/tiny-llama')).toMatchObject({ code: 'none' });
  });

  it('refuses an adapter for another base, an empty one, and one that does not fit', async () => {
    add('owner/foreign', tinyAdapter({ base: 'someone/else-7b' }));
    expect(await failure('owner/tiny-llama+owner/foreign')).toMatchObject({
      code: 'adapter-mismatch',
      message: expect.stringMatching(/someone\/else-7b/) as string,
    });
    expect(await failure('owner/adapter+owner/foreign')).toMatchObject({
      code: 'adapter-mismatch',
      message: expect.stringMatching(/someone\/else-7b/) as string,
    });
    add('owner/empty', tinyAdapter({ base: 'owner/tiny-llama', isEmpty: true }));
    expect((await failure('owner/tiny-llama+owner/empty')).code).toBe('adapter-mismatch');
    add('owner/wide', tinyAdapter({ base: 'owner/tiny-llama', width: 128 }));
    expect((await failure('owner/tiny-llama+owner/wide')).code).toBe('adapter-mismatch');
    add('owner/deep', tinyAdapter({ base: 'owner/tiny-llama', layers: 3 }));
    expect((await failure('owner/tiny-llama+owner/deep')).code).toBe('adapter-mismatch');
    expect((await failure('owner/tiny-llama+owner/tiny-llama')).code).toBe('model-unsupported');
    expect(at.inside('pulls')).toEqual([]);
    expect(at.inside('blobs')).toEqual([]);
  });

  it('merges several adapters with weights, in their order', async () => {
    add('owner/second', tinyAdapter({ base: 'owner/tiny-llama', seed: 9 }));
    const one = await pulled(at.models.pull('owner/tiny-llama+owner/adapter*0.5+owner/second:f32'));
    expect(one.merged.map(({ reference, weight }) => [reference, weight])).toEqual([
      ['owner/adapter', 0.5],
      ['owner/second', 1],
    ]);
    const other = await pulled(at.models.pull('owner/tiny-llama+owner/adapter+owner/second:f32'));
    expect(other.sha256).not.toBe(one.sha256);
  });

  it('says which architectures there are when one is not, before any weight is fetched', async () => {
    const { tensors, shape } = tinyModel({});
    at.hub.add({
      id: 'owner/unheard',
      files: {
        ...Object.fromEntries(weightFiles(tensors, shape)),
        'config.json': JSON.stringify({ architectures: ['UnheardForCausalLM'], model_type: 'unheard' }),
      },
    });
    const error = await failure('owner/unheard');
    expect(error.code).toBe('model-unsupported');
    expect(`${error.message} ${error.hint}`).toMatch(/llama.*falcon|falcon.*llama/i);
    expect(at.inside('pulls')).toEqual([]);
    expect(await failure('owner/tiny-llama:q7_x')).toMatchObject({
      code: 'model-reference-invalid',
      hint: expect.stringMatching(/q4_k_m/) as string,
    });
  });

  it('checks the hash of weights that only pass through', async () => {
    at.hub.misbehave({ match: /^store/, act: { kind: 'corrupt' } });
    expect((await failure('owner/tiny-llama')).code).toMatch(/hash-mismatch|file-invalid/);
    expect(at.inside('blobs')).toEqual([]);
    expect(at.inside('pulls')).toEqual([]);
    at.hub.behave();
    expect((await failure('owner/tiny-llama')).code).toBe('none');
  });

  it('survives a cut, a busy and an expired server with the same bytes as without', async () => {
    const clean = await pulled(at.models.pull('owner/tiny-llama:q8_0'));
    await at.models.remove(clean.id);
    at.hub.signedUses = 2;
    at.hub.misbehave({ match: /^store/, times: 2, act: { kind: 'truncate', afterBytes: 30_000 } });
    at.hub.misbehave({ match: /^store/, times: 1, act: { kind: 'status', status: 503 } });
    expect((await pulled(at.models.pull('owner/tiny-llama:q8_0'))).sha256).toBe(clean.sha256);
  });

  it('imports a Hugging Face folder, and takes an adapter from a folder', async () => {
    const record = await pulled(at.models.import(join(fixtures, 'llama'), { quantisation: 'q8_0' }));
    expect(record).toMatchObject({
      id: 'llama:q8_0',
      origin: { kind: 'import', path: join(fixtures, 'llama') },
    });
    expect(await at.models.resolve('llama')).toMatchObject({ id: 'llama:q8_0' });
    const folder = join(at.folder, 'my-adapter');
    mkdirSync(folder);
    const train = (seed: number): void => {
      for (const [name, content] of Object.entries(tinyAdapter({ base: 'owner/tiny-llama', seed })))
        writeFileSync(join(folder, name), content);
    };
    train(1);
    const merged = await pulled(at.models.pull(`owner/tiny-llama+${folder}:q8_0`));
    expect(merged.merged).toMatchObject([{ reference: folder, commit: null }]);
    // A folder has no commit: whether it is still the same nobody knows.
    train(2);
    const again = await pulled(at.models.pull(`owner/tiny-llama+${folder}:q8_0`));
    expect(again).toMatchObject({ id: merged.id, merged: merged.merged });
    expect(again.sha256).not.toBe(merged.sha256);
    mkdirSync(join(at.folder, 'nothing'));
    await expect(drain(at.models.import(join(at.folder, 'nothing')))).rejects.toMatchObject({
      code: 'model-unsupported',
    });
  });

  it('keeps a folder apart from the same with adapters, whatever base those were made for', async () => {
    const folder = join(fixtures, 'llama');
    const plain = await pulled(at.models.import(folder, { quantisation: 'q8_0' }));
    // What a folder is called says nothing of the weights in it, so that the adapter's word cannot be held against it.
    const events = await drain(at.models.pull(`${folder}+owner/adapter:q8_0`));
    expect(events).toContainEqual({
      type: 'note',
      message: 'owner/adapter was made for owner/tiny-llama; its tensors have to fit llama.',
    });
    const ids = [];
    for (const adapters of ['+owner/adapter', '+owner/adapter*0.5', '+owner/adapter'])
      ids.push((await pulled(at.models.pull(`${folder}${adapters}:q8_0`))).id);
    expect(ids).toEqual(['llama-adapter:q8_0', 'llama-adapter-0.5:q8_0', 'llama-adapter:q8_0']);
    expect((await at.models.list()).map(({ id }) => id).toSorted()).toEqual([
      'cria',
      'llama-adapter-0.5:q8_0',
      'llama-adapter:q8_0',
      'llama:q8_0',
    ]);
    expect(await at.models.resolve('llama')).toMatchObject({ sha256: plain.sha256 });
    expect(await at.models.resolve(folder)).toMatchObject({ id: plain.id });
    expect(await at.models.resolve(`${folder}+owner/adapter`)).toMatchObject({ id: ids[0] });
    await expect(
      drain(at.models.import(`${folder}+owner/adapter:q8_0`, { name: 'llama' })),
    ).rejects.toMatchObject({ code: 'conflict' });
    add('other/adapter', tinyAdapter({ base: 'owner/tiny-llama', seed: 9 }));
    expect((await failure(`${folder}+other/adapter:q8_0`)).code).toBe('conflict');
    const named = await drain(at.models.pull(`${folder}+owner/adapter:q8_0`, { base: 'owner/tiny-llama' }));
    expect(named).not.toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('have to fit') }),
    );
    // One that is damaged is asked for by all that it was made of.
    rmSync(join(at.folder, 'models/blobs'), { recursive: true });
    expect((await failure('llama-adapter:q8_0')).hint).toBe(
      `Take it in again: corral import ${folder}+owner/adapter:q8_0 --name llama-adapter`,
    );
  });

  it('keeps a name for one revision of an adapter, in any quantisation', async () => {
    const folder = join(fixtures, 'llama');
    const [first, second] = [3, 4].map((seed) =>
      add('owner/revised', tinyAdapter({ base: 'owner/tiny-llama', seed })),
    );
    const takeIn = (revision: string | undefined, quantisation: string): Promise<{ id: string }> =>
      pulled(at.models.import(`${folder}+owner/revised@${revision}:${quantisation}`, { name: 'mine' }));
    const mine = await takeIn(first, 'q8_0');
    await expect(takeIn(second, 'q8_0')).rejects.toMatchObject({ code: 'conflict' });
    expect(await at.models.list()).toContainEqual(mine);
    expect(await takeIn(first, 'q8_0')).toMatchObject({ id: 'mine:q8_0' });
    expect(await takeIn(first, 'f16')).toMatchObject({ id: 'mine:f16' });
  });

  it('makes the bundled model at its first use, and only then', async () => {
    const listed = (await at.models.list()).find(({ id }) => id === 'cria');
    expect(listed).toMatchObject({ architecture: 'llama', quantisation: 'q8_0', sha256: '' });
    const source = await at.models.resolve('cria');
    expect(source).toMatchObject({ kind: 'file', id: 'cria' });
    const path = (source as { path: string }).path;
    const facts = await readModelFacts(path);
    expect(facts).toMatchObject({ quantisation: 'q8_0', sizeBytes: listed?.sizeBytes });
    const { mtimeMs } = statSync(path);
    expect(await at.again({ offline: true }).resolve('cria')).toEqual(source);
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
    expect((await at.models.list()).filter(({ id }) => id === 'cria')).toHaveLength(1);
  });
});
