import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdapterRecord } from '../../src/contracts/models.ts';
import type { AdapterUse, ModelSource, Prompt } from '../../src/engine/engine.ts';
import { createLlamaWorkplace, type LlamaWorkplace } from '../fixtures/llama-workplace.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { writeTinyGguf, writeTinyLora } from '../fixtures/tiny-gguf.ts';
import { drain, type ModelsOnHub, pulled, startModelsOnHub } from './models-on-hub.ts';
import { tinyAdapter } from './tiny-adapter.ts';

const prompt: Prompt = { kind: 'raw', text: 'the cat', parseSpecial: false, addBos: true };

describe('from the Hub into the engine', () => {
  let fixtures: string;
  let at: ModelsOnHub;
  let workplace: LlamaWorkplace;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-answer-'));
    const shape = { layers: 2, width: 64, heads: 4, keyValueHeads: 4, dtype: 'f16' as const, sharpness: 4 };
    await writeTinyRepository(join(fixtures, 'llama'), shape);
    at = await startModelsOnHub({
      repositories: [
        { id: 'owner/tiny-llama', folder: join(fixtures, 'llama') },
        { id: 'owner/adapter', files: tinyAdapter({ base: 'owner/tiny-llama' }), licence: 'mit' },
      ],
    });
    workplace = await createLlamaWorkplace();
  });

  afterAll(async () => {
    await workplace.close();
    await at.close();
    rmSync(fixtures, { recursive: true });
  });

  async function answer(reference: string, adapters: AdapterUse[] = []): Promise<string> {
    const source = (await at.models.resolve(reference)) as Extract<ModelSource, { kind: 'file' }>;
    const engine = await workplace.load(source, { contextTokens: 256, slots: 1 }, source.adapters);
    let text = '';
    const request = {
      id: reference,
      person: 'p',
      prompt,
      adapters,
      sampling: { temperature: 0, maxNewTokens: 24 },
    };
    for await (const part of engine.generate(request)) {
      if (part.type === 'text-delta') text += part.text;
      if (part.type === 'end' && part.error !== undefined) throw new Error(part.error.message);
    }
    await engine.close();
    return text;
  }

  it('a merged and quantised model loads and answers', async () => {
    const model = await pulled(at.models.pull('owner/tiny-llama+owner/adapter:q4_k_m'));
    expect((await answer(model.id)).length).toBeGreaterThan(0);
  });

  it('an adapter kept beside its base answers as the merged model does, and not at all at scale 0', async () => {
    await pulled(at.models.pull('owner/tiny-llama:f32'));
    await pulled(at.models.pull('owner/tiny-llama+owner/adapter:f32'));
    const events = await drain(at.models.adapters.add('owner/adapter', { base: 'owner/tiny-llama:f32' }));
    expect(events.at(-1)).toMatchObject({
      type: 'done',
      adapter: { id: 'owner/adapter', base: 'owner/tiny-llama:f32', rank: 4, licence: 'mit' },
    });
    expect(await at.models.adapters.list('owner/tiny-llama:f32')).toHaveLength(1);
    expect((await at.models.show('owner/tiny-llama:f32')).adapters).toHaveLength(1);
    const merged = await answer('owner/tiny-llama+owner/adapter:f32');
    const plain = await answer('owner/tiny-llama:f32');
    expect(merged).not.toBe(plain);
    expect(await answer('owner/tiny-llama:f32', [{ id: 'owner/adapter', scale: 1 }])).toBe(merged);
    expect(await answer('owner/tiny-llama:f32', [])).toBe(plain);
  });

  const inside = (name: string): string[] => readdirSync(join(at.folder, 'models', name));
  const keep = async (reference: string, base: string): Promise<AdapterRecord> => {
    const last = (await drain(at.models.adapters.add(reference, { base }))).at(-1);
    if (last?.type !== 'done') throw new Error('the last event is not done');
    return last.adapter;
  };
  /** As a trainer leaves it. */
  const train = (folder: string, seed: number): void => {
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(tinyAdapter({ base: 'somewhere', seed })))
      writeFileSync(join(folder, name), content);
  };

  it('one adapter is kept for several models, each of which is asked by its own name', async () => {
    const [one, other] = ['owner/tiny-llama:f32', 'owner/tiny-llama:q8_0'];
    for (const base of [one, other]) {
      await pulled(at.models.pull(base));
      await keep('owner/adapter', base);
    }
    for (const base of [one, other])
      expect(await at.models.adapters.list(base)).toMatchObject([{ id: 'owner/adapter', base }]);
    await expect(at.models.adapters.remove('owner/adapter')).rejects.toMatchObject({
      code: 'conflict',
      hint: expect.stringMatching(/--base/) as string,
    });
    expect(await at.models.adapters.remove('owner/adapter', other)).toMatchObject({
      removed: ['owner/adapter'],
    });
    expect(await at.models.adapters.list(other)).toEqual([]);
    // Any name that leads to a model says for which one, as in adding.
    expect(await keep('owner/adapter', 'owner/tiny-llama')).toMatchObject({ base: other });
    await at.models.adapters.remove('owner/adapter', 'owner/tiny-llama');
    expect(await at.models.adapters.list(other)).toEqual([]);
    expect(await at.models.adapters.list(one)).toHaveLength(1);
    for (const base of [other, 'owner/never-pulled'])
      await expect(at.models.adapters.remove('owner/adapter', base)).rejects.toMatchObject({
        code: 'model-unknown',
        message: `The adapter owner/adapter is not kept for ${base}.`,
        hint: `It is kept for ${one}.`,
      });
  });

  it('an adapter finds its base under any of the names that its weights have', async () => {
    const [original, mirror] = ['meta-llama/Llama-3.2-1B-Instruct', 'unsloth/Llama-3.2-1B-Instruct'];
    const quantised = 'unsloth/llama-3.2-1b-instruct-bnb-4bit';
    const addedTo = async (base: string): Promise<unknown> => {
      at.hub.add({ id: 'owner/of-a-name', files: tinyAdapter({ base }) });
      const last = (await drain(at.models.adapters.add('owner/of-a-name'))).at(-1);
      await at.models.adapters.remove('owner/of-a-name');
      return last?.type === 'done' ? last.adapter.base : last;
    };
    for (const id of [original, mirror]) at.hub.add({ id, folder: join(fixtures, 'llama') });
    await pulled(at.models.pull(`${mirror}:f32`));
    for (const name of [original, mirror, quantised]) expect(await addedTo(name)).toBe(`${mirror}:f32`);
    // Where several are here, the one that it names, else the one that others were copied from; whichever came last.
    await pulled(at.models.pull(`${original}:f32`));
    for (const _newest of [original, mirror]) {
      expect(await addedTo(original)).toBe(`${original}:f32`);
      expect(await addedTo(mirror)).toBe(`${mirror}:f32`);
      expect(await addedTo(quantised)).toBe(`${original}:f32`);
      await at.models.remove(`${mirror}:f32`);
      await pulled(at.models.pull(`${mirror}:f32`));
    }
    for (const id of [original, mirror]) await at.models.remove(`${id}:f32`);
  });

  it('a finished GGUF LoRA is taken as it is, from this machine and from the Hub', async () => {
    const folder = join(at.folder, 'finished');
    const model = await writeTinyGguf(folder, { name: 'plain' });
    const lora = await writeTinyLora(folder, model, { name: 'lora' });
    await pulled(at.models.import(model.path));
    await expect(drain(at.models.import(lora.path))).rejects.toMatchObject({
      hint: expect.stringMatching(/adapter add/) as string,
    });
    expect(await keep(lora.path, 'plain')).toMatchObject({
      id: 'lora',
      base: 'plain',
      sha256: lora.sha256,
      rank: 4,
      origin: { kind: 'import', path: lora.path },
    });
    expect(await answer('plain', [{ id: 'lora', scale: 1 }])).not.toBe(await answer('plain'));
    const bytes = readFileSync(lora.path);
    at.hub.add({ id: 'owner/lora-GGUF', files: { 'README.md': '#', 'lora-f32.gguf': bytes } });
    for (const id of ['owner/lora-GGUF', 'owner/lora-GGUF/lora-f32.gguf'])
      expect(await keep(id, 'plain')).toMatchObject({ id, sha256: lora.sha256 });
    const wide = await writeTinyGguf(folder, { name: 'wide', width: 128 });
    const foreign = await writeTinyLora(folder, wide, { name: 'foreign' });
    await expect(keep(foreign.path, 'plain')).rejects.toMatchObject({ code: 'adapter-mismatch' });
    await expect(keep(lora.path, 'owner/tiny-llama:f32')).rejects.toMatchObject({ code: 'adapter-mismatch' });
    await expect(keep(model.path, 'plain')).rejects.toMatchObject({ code: 'model-unsupported' });
    await expect(drain(at.models.adapters.add(lora.path))).rejects.toMatchObject({
      hint: expect.stringMatching(/--base/) as string,
    });
    await expect(keep(`${lora.path}:q8_0`, 'plain')).rejects.toMatchObject({
      code: 'model-reference-invalid',
    });
    expect(await at.models.adapters.list('plain')).toHaveLength(3);
  });

  it('a folder that was trained on takes the place of itself, and none of another of that name', async () => {
    const base = 'owner/tiny-llama:f32';
    await pulled(at.models.pull(base));
    const folderOf = (run: number): string => join(at.folder, `run-${run}/checkpoint-500`);
    const [first, second] = [folderOf(1), folderOf(2)];
    train(first, 21);
    train(second, 22);
    const before = inside('blobs').length;
    const kept = await keep(first, base);
    await expect(keep(second, base)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/run-1/) as string,
    });
    expect(await at.models.adapters.list(base)).toContainEqual(kept);
    train(first, 23);
    const again = await keep(first, base);
    expect(again.sha256).not.toBe(kept.sha256);
    expect(inside('blobs')).toHaveLength(before + 1);
    // As earlier releases named the file.
    const isIts = (name: string): boolean =>
      readFileSync(join(at.folder, 'models/adapters', name), 'utf8').includes('"checkpoint-500"');
    const old = `${createHash('sha256').update('checkpoint-500').digest('hex')}.json`;
    const [name = ''] = inside('adapters').filter(isIts);
    renameSync(join(at.folder, 'models/adapters', name), join(at.folder, 'models/adapters', old));
    await keep(first, base);
    expect(inside('adapters').filter(isIts)).toEqual([old]);
    await at.models.adapters.remove('checkpoint-500');
    expect(inside('adapters').filter(isIts)).toEqual([]);
    expect(inside('blobs')).toHaveLength(before);
  });

  it('of two folders of one name that are added at once, one is kept and the other refused', async () => {
    const base = 'owner/tiny-llama:f32';
    await pulled(at.models.pull(base));
    const folders = [1, 2].map((run) => join(at.folder, `at-once-${run}/checkpoint-9`));
    for (const [index, folder] of folders.entries()) train(folder, 31 + index);
    const results = await Promise.allSettled(folders.map((folder) => keep(folder, base)));
    const kept = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const refused = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(refused).toMatchObject([
      { code: 'conflict', message: expect.stringMatching(/at-once-\d/) as string },
    ]);
    const { id } = kept[0] ?? { id: '' };
    expect((await at.models.adapters.list(base)).filter((adapter) => adapter.id === id)).toEqual(kept);
    await at.models.adapters.remove(id);
  });

  it('refuses what does not belong together, and keeps what is needed', async () => {
    at.hub.add({ id: 'owner/wide', files: tinyAdapter({ base: 'owner/tiny-llama', width: 128 }) });
    await expect(
      drain(at.models.adapters.add('owner/wide', { base: 'owner/tiny-llama:f32' })),
    ).rejects.toMatchObject({
      code: 'adapter-mismatch',
    });
    at.hub.add({ id: 'owner/foreign', files: tinyAdapter({ base: 'owner/never-pulled' }) });
    await expect(drain(at.models.adapters.add('owner/foreign'))).rejects.toMatchObject({
      code: 'model-unknown',
      hint: expect.stringMatching(/corral pull owner\/never-pulled/) as string,
    });
    await expect(drain(at.models.adapters.add('owner/tiny-llama'))).rejects.toMatchObject({
      code: 'model-unsupported',
    });
    await expect(at.models.remove('owner/tiny-llama:f32')).rejects.toMatchObject({
      code: 'conflict',
      details: { adapters: ['owner/adapter'] },
    });
    const folder = join(at.folder, 'own-adapter');
    train(folder, 11);
    const added = await drain(at.models.adapters.add(folder, { base: 'owner/tiny-llama:f32' }));
    expect(added.at(-1)).toMatchObject({
      adapter: { id: 'own-adapter', origin: { kind: 'import', path: folder } },
    });
    for (const id of ['own-adapter', 'owner/adapter']) {
      expect((await at.models.adapters.remove(id)).freedBytes).toBeGreaterThan(0);
    }
    await expect(at.models.adapters.remove('owner/adapter')).rejects.toMatchObject({ code: 'model-unknown' });
    expect((await at.models.remove('owner/tiny-llama:f32')).freedBytes).toBeGreaterThan(0);
  });
});
