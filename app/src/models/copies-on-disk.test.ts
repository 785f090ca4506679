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
