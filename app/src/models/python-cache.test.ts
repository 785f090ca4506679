import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyRepository } from '../../test/fixtures/models/tiny-repository.ts';
import { type TinyGguf, writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { type HubRepositoryOptions, makeCommit } from '../../test/hub/hub-repository.ts';
import { drain, type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';
import { tinyAdapter } from '../../test/hub/tiny-adapter.ts';
import type { PullProgress } from '../contracts/models.ts';

describe('the cache of the Python tools', () => {
  let fixtures: string;
  let gguf: TinyGguf;
  let other: TinyGguf;
  let at: ModelsOnHub;
  let weights: HubRepositoryOptions;
  let files: HubRepositoryOptions;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
    await writeTinyRepository(join(fixtures, 'llama'), { layers: 2, shards: 2, dtype: 'f16' });
    gguf = await writeTinyGguf(fixtures, { type: 'q8_0', width: 256 });
    other = await writeTinyGguf(fixtures, { name: 'other', seed: 5 });
  });
  afterAll(() => rmSync(fixtures, { recursive: true }));
  beforeEach(async () => {
    at = await startModelsOnHub();
    weights = { id: 'owner/tiny-llama', folder: join(fixtures, 'llama') };
    files = {
      id: 'owner/tiny-GGUF',
      files: { 'm-Q8_0.gguf': readFileSync(gguf.path), 'm-F32.gguf': readFileSync(other.path) },
    };
    at.hub.add(weights);
    at.hub.add(files);
  });
  afterEach(() => at.close());

  /** Leaves files of a repository as the Python tools do; where the content of each is. */
  function leave(
    options: HubRepositoryOptions,
    isLeft: (path: string) => boolean = () => true,
  ): Map<string, string> {
    const root = join(at.folder, `huggingface/hub/models--${options.id.replace('/', '--')}`);
    const { sha, files: all } = makeCommit(options);
    for (const part of ['blobs', 'refs']) mkdirSync(join(root, part), { recursive: true });
    writeFileSync(join(root, 'refs/main'), sha);
    const left = new Map<string, string>();
    for (const { path, bytes, sha256, gitOid } of all.filter((file) => isLeft(file.path))) {
      const blob = join(root, 'blobs', sha256 ?? gitOid);
      const link = join(root, 'snapshots', sha, path);
      mkdirSync(dirname(link), { recursive: true });
      writeFileSync(blob, bytes);
      symlinkSync(relative(dirname(link), blob), link);
      left.set(path, blob);
    }
    return left;
  }
  /** One byte is another, counted from the front or from the end; the size stays. */
  function change(path: string | undefined, place: number): void {
    const bytes = readFileSync(path ?? '');
    const index = place < 0 ? bytes.length + place : place;
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    writeFileSync(path ?? '', bytes);
  }
  /** The same without a cache, and without what it left. */
  async function clean(reference: string): Promise<string> {
    const { id, sha256 } = await pulled(at.again({ cacheFolder: join(at.folder, 'none') }).pull(reference));
    await at.models.remove(id);
    at.hub.requests.length = 0;
    return sha256;
  }
  const notesIn = (events: readonly PullProgress[]): string[] =>
    events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  const shaIn = (events: readonly PullProgress[]): string => {
    const last = events.at(-1);
    return last?.type === 'done' ? last.model.sha256 : '';
  };
  const isWeights = (path: string): boolean => path.endsWith('.safetensors');
  const weightBytes = (): number =>
    makeCommit(weights).files.reduce((sum, { path, bytes }) => sum + (isWeights(path) ? bytes.length : 0), 0);
  const isStoreAsked = (): boolean => at.hub.requests.some(({ origin }) => origin === 'store');

  it('has its weights read once for a pull, with progress, before anything is made of them', async () => {
    const expected = await clean('owner/tiny-llama:q8_0');
    leave(weights);
    const events = await drain(at.models.pull('owner/tiny-llama:q8_0'));
    const progress = events.filter((event) => event.type === 'progress');
    const converting = progress.findIndex(({ phase }) => phase === 'convert');
    const verifying = progress.slice(0, converting);
    expect(new Set(verifying.map(({ phase }) => phase))).toEqual(new Set(['verify']));
    expect(verifying.at(-1)).toMatchObject({
      file: 'model-00002-of-00002.safetensors',
      doneBytes: weightBytes(),
      totalBytes: weightBytes(),
    });
    expect(shaIn(events)).toBe(expected);
    expect(isStoreAsked()).toBe(false);
  });

  it('has only headers read for a look, and damage behind them found once by the pull', async () => {
    const expected = await clean('owner/tiny-llama:q8_0');
    const left = leave(weights);
    change(left.get('model-00002-of-00002.safetensors'), -1);
    const report = await at.models.check('owner/tiny-llama:q8_0');
    expect(report).toMatchObject({ action: 'convert', downloadBytes: 0 });
    expect(report.notes.filter((note) => note.includes('damaged'))).toEqual([]);
    const events = await drain(at.models.pull('owner/tiny-llama:q8_0'));
    expect(notesIn(events).filter((note) => note.includes('damaged'))).toHaveLength(1);
    expect(shaIn(events)).toBe(expected);
  });

  it.each(['owner/tiny-llama:q8_0', 'owner/tiny-GGUF:q8_0'])(
    'does not stand in the way with a header that makes no sense: %s',
    async (reference) => {
      const expected = await clean(reference);
      const left = new Map([...leave(weights), ...leave(files)]);
      // The length of the header; the magic of the file.
      change(left.get('model-00001-of-00002.safetensors'), 7);
      change(left.get('m-Q8_0.gguf'), 0);
      expect((await at.models.check(reference)).notes.join('\n')).toContain('damaged');
      expect(shaIn(await drain(at.models.pull(reference)))).toBe(expected);
    },
  );

  it('does not stand in the way with a config that somebody edited', async () => {
    const expected = await clean('owner/tiny-llama:q8_0');
    const left = leave(weights);
    const config = left.get('config.json') ?? '';
    const edited = readFileSync(config, 'utf8').replace(/("max_position_embeddings":\s*)\d/, '$19');
    expect(edited).not.toBe(readFileSync(config, 'utf8'));
    writeFileSync(config, edited);
    const events = await drain(at.models.pull('owner/tiny-llama:q8_0'));
    expect(notesIn(events)).toContainEqual(
      expect.stringMatching(/config\.json .*damaged and is fetched again/),
    );
    expect(shaIn(events)).toBe(expected);
    await at.models.remove('owner/tiny-llama:q8_0');
    const offline = at.again({ offline: true });
    await expect(drain(offline.pull('owner/tiny-llama:q8_0'))).rejects.toMatchObject({
      code: 'hub-unreachable',
    });
  });

  it.each<[string, string, (path: string) => boolean]>([
    ['a tokenizer alone', 'owner/tiny-llama:q8_0', (path) => path.startsWith('tokenizer')],
    ['the list of shards alone', 'owner/tiny-llama:q8_0', (path) => path.endsWith('.index.json')],
    ['weights without a tokenizer', 'owner/tiny-llama:q8_0', (path) => !path.startsWith('tokenizer')],
    ['all but a config', 'owner/tiny-llama:q8_0', (path) => path !== 'config.json'],
    ['another file', 'owner/tiny-GGUF:q8_0', (path) => path === 'm-F32.gguf'],
    ['another file', 'owner/tiny-GGUF/m-Q8_0.gguf', (path) => path === 'm-F32.gguf'],
  ])('with %s says nothing of %s where the Hub cannot be asked', async (_, reference, isLeft) => {
    expect(leave(weights, isLeft).size + leave(files, isLeft).size).toBeGreaterThan(0);
    const offline = at.again({ offline: true });
    await expect(drain(offline.pull(reference))).rejects.toMatchObject({ code: 'hub-unreachable' });
    await expect(offline.check(reference)).rejects.toMatchObject({ code: 'hub-unreachable' });
    const expected = await pulled(at.models.pull(reference));
    const events = await drain(offline.pull(reference));
    expect(notesIn(events).at(-1)).toMatch(/stays as it is/);
    expect(shaIn(events)).toBe(expected.sha256);
  });

  it.each(['adapter_config.json', 'adapter_model.safetensors'])(
    'with %s alone says nothing of the adapter where the Hub cannot be asked',
    async (left) => {
      const adapter = { id: 'owner/adapter', files: tinyAdapter({ base: 'owner/tiny-llama' }) };
      expect(leave(adapter, (path) => path === left).size).toBe(1);
      const offline = at.again({ offline: true });
      const merged = `${join(fixtures, 'llama')}+owner/adapter`;
      for (const events of [offline.adapters.add(adapter.id, { base: 'cria' }), offline.pull(merged)])
        await expect(drain<unknown>(events)).rejects.toMatchObject({ code: 'hub-unreachable' });
    },
  );

  it('that holds all of what cannot be converted says why', async () => {
    const config = JSON.stringify({ model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] });
    const folder = makeCommit(weights).files.map(({ path, bytes }) => [path, bytes] as const);
    leave({ id: 'owner/gpt2', files: { ...Object.fromEntries(folder), 'config.json': config } });
    const offline = at.again({ offline: true });
    await expect(drain(offline.pull('owner/gpt2:q8_0'))).rejects.toMatchObject({ code: 'model-unsupported' });
  });
});
