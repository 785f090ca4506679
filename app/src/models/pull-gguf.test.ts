import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { drain, type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';

describe('pulling finished GGUF files', () => {
  let at: ModelsOnHub;
  let model: Buffer;
  let other: Buffer;
  let sha256: string;
  let fixtures: string;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
    const made = await writeTinyGguf(fixtures, { type: 'q8_0', width: 256, layers: 4 });
    model = readFileSync(made.path);
    sha256 = made.sha256;
    other = readFileSync((await writeTinyGguf(fixtures, { name: 'other', seed: 5 })).path);
  });

  afterAll(() => rmSync(fixtures, { recursive: true }));

  beforeEach(async () => {
    at = await startModelsOnHub({ tokens: ['hf_yes', 'hf_no'] });
    at.hub.add({
      id: 'owner/tiny-GGUF',
      licence: 'mit',
      files: { 'README.md': '#', 'tiny-Q8_0.gguf': model, 'tiny-F32.gguf': other, 'mmproj-F16.gguf': 'x' },
    });
  });

  afterEach(() => at.close());

  const fetched = (): string[] =>
    at.hub.requests
      .filter(({ path }) => path.includes('/resolve/'))
      .map(({ path }) => path.split('/').at(-1) ?? '');
  const blobs = (): string[] =>
    existsSync(join(at.folder, 'models/blobs')) ? readdirSync(join(at.folder, 'models/blobs')) : [];
  const leftovers = (): string[] =>
    existsSync(join(at.folder, 'models/pulls')) ? readdirSync(join(at.folder, 'models/pulls')) : [];

  it('fetches the labelled file and nothing else, and knows everything about it', async () => {
    const events = await drain(at.models.pull('owner/tiny-GGUF:q8_0'));
    expect(events[0]).toMatchObject({
      type: 'plan',
      preflight: {
        action: 'fetch',
        architecture: 'llama',
        quantisation: 'q8_0',
        licence: 'mit',
        gated: false,
        downloadBytes: model.length,
        resultBytes: model.length,
        verdict: 'fits',
      },
    });
    expect(events.at(-1)).toMatchObject({
      type: 'done',
      model: {
        id: 'owner/tiny-GGUF:q8_0',
        sha256,
        sizeBytes: model.length,
        origin: { repository: 'owner/tiny-GGUF' },
      },
    });
    const progress = events.filter((event) => event.type === 'progress');
    expect(progress.at(-1)).toMatchObject({
      phase: 'download',
      doneBytes: model.length,
      totalBytes: model.length,
    });
    expect(new Set(fetched())).toEqual(new Set(['tiny-Q8_0.gguf']));
    const source = await at.models.resolve('owner/tiny-GGUF');
    expect(source).toMatchObject({ kind: 'file', id: 'owner/tiny-GGUF:q8_0', sha256, adapters: [] });
    expect(
      createHash('sha256')
        .update(readFileSync((source as { path: string }).path))
        .digest('hex'),
    ).toBe(sha256);
    const shown = await at.models.show('owner/tiny-GGUF:Q8_0');
    expect(shown).toMatchObject({
      architecture: 'llama',
      layers: 4,
      vocabularySize: 384,
      headCountKv: 2,
      template: null,
    });
    expect(Object.values(shown.tensorTypes).reduce((one, next) => one + next)).toBeLessThan(model.length);
    expect(leftovers()).toEqual([]);
  });

  it('does nothing when the same commit is here, and fetches when the repository moved on', async () => {
    await pulled(at.models.pull('owner/tiny-GGUF:q8_0'));
    at.hub.requests.length = 0;
    const events = await drain(at.models.pull('owner/tiny-GGUF:q8_0'));
    expect(events.map(({ type }) => type)).toEqual(['plan', 'done']);
    expect(
      at.hub.requests.filter(({ origin, headers }) => origin === 'store' && headers.range === undefined),
    ).toEqual([]);
    at.hub.add({ id: 'owner/tiny-GGUF', files: { 'tiny-Q8_0.gguf': other } });
    expect((await pulled(at.models.pull('owner/tiny-GGUF:q8_0'))).sizeBytes).toBe(other.length);
    expect(await at.models.list()).toHaveLength(2);
    expect(blobs()).toHaveLength(1);
  });

  it.each([
    ['owner/tiny-GGUF/tiny-F32.gguf', 'owner/tiny-GGUF/tiny-F32.gguf'],
    ['owner/tiny-GGUF:F32', 'owner/tiny-GGUF:f32'],
  ])('%s becomes %s', async (reference, id) => {
    expect((await pulled(at.models.pull(reference))).id).toBe(id);
    expect(await at.models.resolve(reference)).toMatchObject({ id });
  });

  it.each([
    ['owner/tiny-GGUF', 'model-reference-invalid'],
    ['owner/tiny-GGUF:Q3_K_S', 'model-reference-invalid'],
    ['owner/tiny-GGUF/none.gguf', 'hub-not-found'],
    ['owner/tiny-GGUF/mmproj-F16.gguf', 'model-file-invalid'],
    ['owner/tiny-GGUF@nowhere', 'hub-not-found'],
    ['owner/nothing', 'hub-not-found'],
    ['owner/tiny-GGUF:q8_0+x/y', 'model-reference-invalid'],
    ['hf:owner/tiny', 'bad-request'],
    ['unheard', 'model-unknown'],
  ])('%s ends with %s and leaves nothing', async (reference, code) => {
    await expect(drain(at.models.pull(reference))).rejects.toMatchObject({ code });
    expect(blobs()).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it('refuses repositories without weights', async () => {
    at.hub.add({
      id: 'owner/empty',
      files: { 'README.md': '#', 'model.onnx': 'x', 'flax_model.msgpack': 'x' },
    });
    await expect(drain(at.models.pull('owner/empty'))).rejects.toMatchObject({
      code: 'model-unsupported',
      details: { found: ['.md', '.msgpack', '.onnx'] },
    });
  });

  const hostile: [string, (good: Buffer) => Uint8Array][] = [
    ['an empty file', () => Buffer.alloc(0)],
    ['a pickle', () => Buffer.from('80027d71002e', 'hex')],
    ['a zip', () => Buffer.from('PK\u0003\u0004')],
    ['a cut header', (good) => good.subarray(0, 500)],
    ['cut weights', (good) => good.subarray(0, good.length - 1000)],
    ['zeros', (good) => Buffer.alloc(good.length)],
  ];
  it.each(hostile)('refuses %s by the name of a model before or after the download', async (_what, make) => {
    at.hub.add({ id: 'owner/bad', files: { 'bad-Q8_0.gguf': make(model) } });
    const failure = await drain(at.models.pull('owner/bad')).catch((error: unknown) => error);
    expect(['model-file-invalid', 'file-invalid', 'model-unsupported']).toContain(
      (failure as { code: string }).code,
    );
    expect(blobs()).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it('asks at the gate before it fetches anything', async () => {
    at.hub.add({ id: 'owner/gated', gated: 'auto', granted: ['hf_yes'], files: { 'm-Q8_0.gguf': model } });
    for (const token of ['', 'hf_no', 'hf_wrong']) {
      at.hub.requests.length = 0;
      const models = at.again({ token });
      const code = token === 'hf_wrong' ? 'hub-token-refused' : 'hub-gated';
      await expect(drain(models.pull('owner/gated'))).rejects.toMatchObject({ code });
      await expect(models.check('owner/gated')).rejects.toMatchObject({ code });
      expect(at.hub.requests.filter(({ origin }) => origin === 'store')).toEqual([]);
    }
    mkdirSync(join(at.folder, 'huggingface'));
    writeFileSync(join(at.folder, 'huggingface/token'), 'hf_yes\n');
    const report = await at.again().check('owner/gated');
    expect(report).toMatchObject({ gated: true, action: 'fetch', verdict: 'fits' });
    expect(report.tokensPerSecond).toBeGreaterThan(0);
    expect((await pulled(at.again().pull('owner/gated'))).sha256).toBe(sha256);
  });

  it('goes on after a cancellation, and forgets the rest when told so', async () => {
    const models = at.again();
    at.hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 20_000, everyMs: 3 } });
    const controller = new AbortController();
    const failing = (async () => {
      for await (const event of models.pull('owner/tiny-GGUF:q8_0', { signal: controller.signal })) {
        if (event.type === 'progress' && event.doneBytes > 0) controller.abort();
      }
    })();
    await expect(failing).rejects.toMatchObject({ code: 'cancelled' });
    expect(leftovers()).toHaveLength(1);
    for await (const event of models.pull('owner/tiny-GGUF:q8_0')) if (event.type === 'progress') break;
    expect(leftovers()).toHaveLength(1);
    expect(await models.remove('owner/tiny-GGUF')).toMatchObject({ removed: ['owner/tiny-GGUF:q8_0'] });
    expect(leftovers()).toEqual([]);
    at.hub.behave();
    expect((await pulled(models.pull('owner/tiny-GGUF:q8_0'))).sha256).toBe(sha256);
  });

  it('lets two pulls of the same model be one, and two of different models be two', async () => {
    const both = await Promise.all([
      pulled(at.models.pull('owner/tiny-GGUF:q8_0')),
      pulled(at.models.pull('owner/tiny-GGUF:q8_0')),
      pulled(at.models.pull('owner/tiny-GGUF:f32')),
    ]);
    expect(both.map(({ id }) => id)).toEqual([
      'owner/tiny-GGUF:q8_0',
      'owner/tiny-GGUF:q8_0',
      'owner/tiny-GGUF:f32',
    ]);
    const whole = at.hub.requests.filter(
      ({ origin, headers }) => origin === 'store' && headers.range === `bytes=0-${model.length - 1}`,
    );
    expect(whole).toHaveLength(1);
  });

  it('removes a file only when no other name needs it', async () => {
    await pulled(at.models.pull('owner/tiny-GGUF:q8_0'));
    await pulled(at.models.pull('owner/tiny-GGUF/tiny-Q8_0.gguf'));
    expect(blobs()).toHaveLength(1);
    expect(await at.models.remove('owner/tiny-GGUF:q8_0')).toEqual({
      removed: ['owner/tiny-GGUF:q8_0'],
      freedBytes: 0,
    });
    expect(blobs()).toHaveLength(1);
    expect((await at.models.remove('owner/tiny-GGUF/tiny-Q8_0.gguf')).freedBytes).toBe(model.length);
    expect(blobs()).toEqual([]);
    await expect(at.models.remove('owner/tiny-GGUF:q8_0')).rejects.toMatchObject({ code: 'model-unknown' });
  });

  it('keeps content while a manifest cannot be read, and hides only that one model', async () => {
    await pulled(at.models.pull('owner/tiny-GGUF:q8_0'));
    await pulled(at.models.pull('owner/tiny-GGUF:f32'));
    const manifests = join(at.folder, 'models/manifests');
    const name =
      readdirSync(manifests).find((file) => readFileSync(join(manifests, file), 'utf8').includes(':f32"')) ??
      '';
    writeFileSync(join(manifests, name), '\0'.repeat(100));
    expect((await at.models.list()).map(({ id }) => id)).toContain('owner/tiny-GGUF:q8_0');
    await at.models.collectGarbage();
    expect(blobs()).toHaveLength(2);
  });

  it('sweeps what nothing names, and pulls that rested for a week, but none that is younger', async () => {
    await pulled(at.models.pull('owner/tiny-GGUF:q8_0'));
    at.hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 2000, everyMs: 20 } });
    for await (const event of at.models.pull('owner/tiny-GGUF:f32'))
      if (event.type === 'progress' && event.doneBytes > 0) break;
    const [key = ''] = leftovers();
    const orphan = join(at.folder, `models/blobs/sha256-${'0'.repeat(64)}.gguf`);
    writeFileSync(orphan, 'nobody names me');
    expect(await at.models.collectGarbage()).toEqual({ removed: [], freedBytes: 15 });
    expect(existsSync(orphan)).toBe(false);
    expect(leftovers()).toEqual([key]);
    const folder = join(at.folder, 'models/pulls', key);
    const eightDaysAgo = Date.now() / 1000 - 8 * 24 * 3600;
    for (const path of [...readdirSync(folder).map((name) => join(folder, name)), folder])
      utimesSync(path, eightDaysAgo, eightDaysAgo);
    expect((await at.models.collectGarbage()).freedBytes).toBeGreaterThan(0);
    expect(leftovers()).toEqual([]);
    expect(await at.models.resolve('owner/tiny-GGUF:q8_0')).toMatchObject({ sha256 });
    expect(blobs()).toHaveLength(1);
  });

  it('reads the cache of the Python tools, checks it, and works from it without a network', async () => {
    const commit = at.hub.add({ id: 'owner/cached', files: { 'm-Q8_0.gguf': model, 'config.json': '{}' } });
    const root = join(at.folder, 'huggingface/hub/models--owner--cached');
    for (const part of ['blobs', `snapshots/${commit}`, 'refs'])
      mkdirSync(join(root, part), { recursive: true });
    writeFileSync(join(root, 'blobs', sha256), model);
    symlinkSync(join('../../blobs', sha256), join(root, `snapshots/${commit}/m-Q8_0.gguf`));
    writeFileSync(join(root, 'refs/main'), commit);
    const offline = at.again({ offline: true });
    const events = await drain(offline.pull('owner/cached'));
    expect(events.find(({ type }) => type === 'note')).toMatchObject({
      message: expect.stringMatching(/cache/) as string,
    });
    const shares = events.flatMap((event) =>
      event.type === 'progress' ? [event.doneBytes / event.totalBytes] : [],
    );
    expect(shares).toEqual(shares.toSorted((left, right) => left - right));
    expect(shares.filter((share) => share === 1)).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'done', model: { sha256 } });
    await offline.remove('owner/cached');
    at.hub.requests.length = 0;
    expect((await at.models.check('owner/cached')).downloadBytes).toBe(0);
    await pulled(at.models.pull('owner/cached'));
    expect(at.hub.requests.filter(({ headers }) => headers.range === `bytes=0-${model.length - 1}`)).toEqual(
      [],
    );
    await at.models.remove('owner/cached');
    const damaged = Buffer.from(model);
    damaged[9000] = (damaged[9000] ?? 0) ^ 1;
    writeFileSync(join(root, 'blobs', sha256), damaged);
    expect((await pulled(at.models.pull('owner/cached'))).sha256).toBe(sha256);
    await at.models.remove('owner/cached');
    symlinkSync('/etc/hostname', join(root, `snapshots/${commit}/config.json`));
    cpSync(join(root, 'blobs', sha256), join(root, 'blobs/other'));
    await pulled(at.models.pull('owner/cached'));
  });

  it('says what is here when the Hub cannot be reached', async () => {
    await pulled(at.models.pull('owner/tiny-GGUF:q8_0'));
    const offline = at.again({ offline: true });
    const events = await drain(offline.pull('owner/tiny-GGUF:q8_0'));
    expect(events.map(({ type }) => type)).toEqual(['note', 'done']);
    await expect(drain(offline.pull('owner/other'))).rejects.toMatchObject({ code: 'hub-unreachable' });
    expect(await offline.resolve('owner/tiny-GGUF')).toMatchObject({ sha256 });
  });

  it('knows what a provider answers for, and what nobody does', async () => {
    expect(await at.models.resolve('hf:a/b')).toEqual({
      kind: 'remote',
      id: 'hf:a/b',
      provider: 'hf',
      model: 'a/b',
    });
    await expect(at.models.resolve('a/b')).rejects.toMatchObject({
      code: 'model-unknown',
      hint: expect.stringMatching(/corral pull a\/b/) as string,
    });
    await expect(at.models.resolve('./x.gguf')).rejects.toMatchObject({
      hint: expect.stringMatching(/corral import/) as string,
    });
  });

  it('takes a file of this machine, after a strict look', async () => {
    const path = join(fixtures, 'tiny.gguf');
    const record = await pulled(at.models.import(path));
    expect(record).toMatchObject({ id: 'tiny', sha256, origin: { kind: 'import', path } });
    expect(await at.models.resolve('tiny')).toMatchObject({ sha256 });
    expect(await at.models.resolve(path)).toMatchObject({ sha256 });
    await expect(
      drain(at.models.import(join(fixtures, 'other.gguf'), { name: 'tiny' })),
    ).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(
      drain(at.models.import(join(fixtures, 'other.gguf'), { name: 'cria' })),
    ).rejects.toMatchObject({
      code: 'conflict',
    });
    expect((await pulled(at.models.import(join(fixtures, 'other.gguf'), { name: 'a/../b c' }))).id).toBe(
      'a-..-b-c',
    );
    writeFileSync(join(at.folder, 'bad.gguf'), 'GGUF');
    for (const bad of ['bad.gguf', 'none.gguf', 'huggingface']) {
      await expect(drain(at.models.import(join(at.folder, bad)))).rejects.toMatchObject({
        code: expect.stringMatching(/invalid|not-found/) as string,
      });
    }
    expect(blobs()).toHaveLength(2);
    expect(leftovers()).toEqual([]);
  });

  it('refuses to merge into a file of this machine, or to quantise it, as it does with one of the Hub', async () => {
    const path = join(fixtures, 'tiny.gguf');
    for (const reference of [`${path}+owner/adapter`, `${path}+./adapter*0.5`, `${path}:q4_0`])
      await expect(drain(at.models.pull(reference))).rejects.toMatchObject({
        code: 'model-reference-invalid',
        message: expect.stringMatching(/GGUF file|a file is named/) as string,
      });
    await expect(drain(at.models.import(path, { quantisation: 'q4_0' }))).rejects.toMatchObject({
      code: 'model-reference-invalid',
    });
    expect(blobs()).toEqual([]);
    expect(leftovers()).toEqual([]);
  });
});
