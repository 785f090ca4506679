import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyRepository } from '../../test/fixtures/models/tiny-repository.ts';
import { writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';

describe('a model of this machine that is called like a service', () => {
  let fixtures: string;
  let folder: string;
  let providers: string[];
  let at: ModelsOnHub;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
    folder = join(fixtures, 'vllm');
    await writeTinyRepository(folder, { dtype: 'f16' });
  });
  afterAll(() => rmSync(fixtures, { recursive: true }));
  beforeEach(async () => {
    providers = [];
    at = await startModelsOnHub({}, { providers: () => providers });
  });
  afterEach(() => at.close());

  it('is still the one that is meant when the service is added later', async () => {
    const { id } = await pulled(at.models.import(folder));
    expect(id).toBe('vllm:q4_k_m');
    providers = ['vllm'];
    expect(await at.models.resolve(id)).toMatchObject({ kind: 'file', id });
    expect(await at.models.check(id)).toMatchObject({ action: 'ready' });
    expect(await pulled(at.models.pull(id))).toMatchObject({ id });
    expect(await pulled(at.models.import(folder))).toMatchObject({ id });
    expect(await at.models.resolve('vllm:other')).toMatchObject({ kind: 'remote', model: 'other' });
    await at.models.remove(id);
    expect(await at.models.resolve(id)).toMatchObject({ kind: 'remote', model: 'q4_k_m' });
  });

  it('is not taken in where the service is there already', async () => {
    providers = ['vllm'];
    const file = await writeTinyGguf(fixtures);
    for (const importing of [at.models.import(folder), at.models.import(file.path, { name: 'vllm' })])
      await expect(pulled(importing)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('service') as string,
        hint: expect.stringContaining('--name') as string,
      });
    expect(await pulled(at.models.import(folder, { name: 'mine' }))).toMatchObject({ id: 'mine:q4_k_m' });
  });
});
