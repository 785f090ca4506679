import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { startModelsOnHub } from '../../test/hub/models-on-hub.ts';

/** Where no file system shares the bytes of a copy with its original, so that they are copied. */
const unshared = '/dev/shm';

it('an import says how far its copy is, and stops in the middle of it', async () => {
  const folder = mkdtempSync(join(unshared, 'corral-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { path } = await writeTinyGguf(folder);
  // Long enough to be stopped in; the rest is a hole.
  truncateSync(path, 1 << 30);
  const at = await startModelsOnHub();
  onTestFinished(() => at.close());
  const stopping = new AbortController();
  const phases = new Set<string>();
  const importing = async (): Promise<void> => {
    for await (const event of at.models.import(path, { signal: stopping.signal })) {
      if (event.type === 'progress') phases.add(event.phase);
      stopping.abort();
    }
  };
  await expect(importing()).rejects.toMatchObject({ code: 'cancelled' });
  expect([...phases]).toEqual(['convert']);
  expect(at.inside('pulls')).toEqual([]);
});
