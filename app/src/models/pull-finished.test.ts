import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyRepository } from '../../test/fixtures/models/tiny-repository.ts';
import { makeCommit } from '../../test/hub/hub-repository.ts';
import { askedLengths, type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';
import { tinyAdapter } from '../../test/hub/tiny-adapter.ts';
import type { PullProgress } from '../contracts/models.ts';

const shape = { layers: 2, width: 192, dtype: 'f16' } as const;

describe('a conversion that was finished and could not be named', () => {
  let fixtures: string;
  let at: ModelsOnHub;

  beforeAll(() => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
  });
  afterAll(() => rmSync(fixtures, { recursive: true }));
  beforeEach(async () => {
    await writeTinyRepository(join(fixtures, 'llama'), shape);
    at = await startModelsOnHub();
    at.hub.add({ id: 'owner/tiny-llama', folder: join(fixtures, 'llama') });
    const adapter = tinyAdapter({ base: 'owner/tiny-llama', width: 192, layers: 2 });
    at.hub.add({ id: 'owner/adapter', files: adapter });
  });
  afterEach(() => at.close());

  const forWeights = (): ModelsOnHub['hub']['requests'] => {
    const { files } = makeCommit({ id: 'owner/tiny-llama', folder: join(fixtures, 'llama') });
    const hashes = files.flatMap(({ path, sha256 }) => (path.endsWith('.safetensors') ? [sha256 ?? ''] : []));
    return at.hub.requests.filter(({ path }) => hashes.some((hash) => path.includes(hash)));
  };
  it.each(['owner/tiny-llama:q8_0', 'owner/tiny-llama+owner/adapter:q8_0'])(
    'is taken as it is by the next pull: %s',
    async (reference) => {
      const { id, sha256 } = await pulled(at.models.pull(reference));
      await at.models.remove(id);
      expect(await at.withoutName(id, at.models.pull(reference))).toMatchObject({ code: 'input-output' });
      expect(at.inside('blobs')).toEqual([]);
      expect(Math.max(...askedLengths({ requests: forWeights() }))).toBeGreaterThan(1 << 20);
      at.hub.requests.length = 0;
      expect(await pulled(at.again().pull(reference))).toMatchObject({ id, sha256 });
      // Headers are looked at again; no weights come.
      expect(Math.max(0, ...askedLengths({ requests: forWeights() }))).toBeLessThan(1 << 18);
      expect(at.inside('blobs')).toEqual([`sha256-${sha256}.gguf`]);
      expect(at.inside('pulls')).toEqual([]);
    },
  );

  it('is made anew of a folder, which may hold other weights by then', async () => {
    const folder = join(fixtures, 'llama');
    const convert = (): AsyncIterable<PullProgress> => at.models.import(folder, { quantisation: 'q8_0' });
    const before = await pulled(convert());
    await at.models.remove(before.id);
    expect(await at.withoutName(before.id, convert())).toMatchObject({ code: 'input-output' });
    await writeTinyRepository(folder, { ...shape, seed: 5 });
    const after = await pulled(convert());
    expect(after.sha256).not.toBe(before.sha256);
    expect(at.inside('blobs')).toEqual([`sha256-${after.sha256}.gguf`]);
  });
});
