import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeTinyRepository } from '../../test/fixtures/models/tiny-repository.ts';
import { type TinyGguf, writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';

/** Paths of what was forced to the disk while `work` ran, by the names that it had at that moment. */
async function syncedDuring(work: () => Promise<unknown>): Promise<string[]> {
  const handle = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const synced: string[] = [];
  for (const name of ['sync', 'datasync'] as const) {
    const real = prototype[name];
    vi.spyOn(prototype, name).mockImplementation(function (this: FileHandle) {
      synced.push(readlinkSync(`/proc/self/fd/${this.fd}`));
      return real.call(this);
    });
  }
  try {
    await work();
  } finally {
    vi.restoreAllMocks();
  }
  return synced;
}

describe('a copied model is on the disk before it is named', () => {
  let at: ModelsOnHub;
  let fixtures: string;
  let model: TinyGguf;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
    model = await writeTinyGguf(fixtures);
  });
  afterAll(() => rmSync(fixtures, { recursive: true }));
  beforeEach(async () => {
    at = await startModelsOnHub();
  });
  afterEach(() => at.close());

  it('from a file of this machine', async () => {
    const synced = await syncedDuring(() => pulled(at.models.import(model.path)));
    expect(synced).toContainEqual(expect.stringMatching(/\/pulls\/[0-9a-f]{64}\/result\.gguf$/));
    const source = await at.models.resolve('tiny');
    expect(readFileSync((source as { path: string }).path).equals(readFileSync(model.path))).toBe(true);
  });

  it('from the cache of the Python tools', async () => {
    const bytes = readFileSync(model.path);
    const commit = at.hub.add({ id: 'owner/cached', files: { 'm-Q8_0.gguf': bytes } });
    const root = join(at.folder, 'huggingface/hub/models--owner--cached');
    for (const part of ['blobs', `snapshots/${commit}`]) mkdirSync(join(root, part), { recursive: true });
    writeFileSync(join(root, 'blobs', model.sha256), bytes, { mode: 0o444 });
    symlinkSync(join('../../blobs', model.sha256), join(root, `snapshots/${commit}/m-Q8_0.gguf`));
    const synced = await syncedDuring(() => pulled(at.models.pull('owner/cached')));
    expect(synced).toContainEqual(expect.stringMatching(/\/pulls\/[0-9a-f]{64}\/0\.file$/));
  });
});

describe('a journal promises nothing that a power cut could take', () => {
  let fixtures: string;
  let at: ModelsOnHub;

  beforeAll(() => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
  });
  afterAll(() => rmSync(fixtures, { recursive: true }));
  beforeEach(async () => {
    at = await startModelsOnHub({}, { blockBytes: 50_000 });
  });
  afterEach(() => at.close());

  /** What of one work folder was forced to the disk, in order. */
  const inPull = (synced: readonly string[]): string[] =>
    synced.flatMap((path) => /\/pulls\/[0-9a-f]{64}\/(.+)$/.exec(path)?.[1] ?? []);

  it('of a download', async () => {
    const { path } = await writeTinyGguf(fixtures, { type: 'q8_0', width: 256 });
    at.hub.add({ id: 'owner/tiny-GGUF', files: { 'm-Q8_0.gguf': readFileSync(path) } });
    const synced = inPull(await syncedDuring(() => pulled(at.models.pull('owner/tiny-GGUF'))));
    const journal = synced.flatMap((name, index) => (name === '0.journal' ? [index] : []));
    expect(journal.length).toBeGreaterThan(2);
    expect(journal.map((index) => synced[index - 1])).toEqual(journal.map(() => '0.part'));
  });

  it('of a conversion, and the file is there before it has its name', async () => {
    await writeTinyRepository(join(fixtures, 'llama'), { dtype: 'f16' });
    at.hub.add({ id: 'owner/tiny-llama', folder: join(fixtures, 'llama') });
    const synced = inPull(await syncedDuring(() => pulled(at.models.pull('owner/tiny-llama'))));
    const work = synced.slice(synced.indexOf('result.journal.new') + 1);
    const journal = work.flatMap((name, index) => (name === 'result.journal' ? [index] : []));
    expect(journal.length).toBeGreaterThan(0);
    expect(journal.map((index) => work[index - 1])).toEqual(journal.map(() => 'result.gguf.part'));
    expect(work.slice((journal.at(-1) ?? 0) + 1)).toContain('result.gguf.part');
  });
});
