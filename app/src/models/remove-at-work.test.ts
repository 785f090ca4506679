import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyRepository } from '../../test/fixtures/models/tiny-repository.ts';
import { type TinyGguf, writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';
import { tinyAdapter } from '../../test/hub/tiny-adapter.ts';
import type { AppError } from '../contracts/app-error.ts';
import type { PullProgress } from '../contracts/models.ts';

describe('removing what is being pulled, or was', () => {
  let fixtures: string;
  let model: TinyGguf;
  let at: ModelsOnHub;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-fixtures-'));
    model = await writeTinyGguf(fixtures, { type: 'q8_0', width: 256, layers: 4 });
    await writeTinyRepository(join(fixtures, 'llama'), { layers: 4, width: 256, shards: 2, dtype: 'f16' });
  });
  afterAll(() => rmSync(fixtures, { recursive: true }));
  beforeEach(async () => {
    at = await startModelsOnHub();
    at.hub.add({ id: 'owner/tiny-GGUF', files: { 'tiny-Q8_0.gguf': readFileSync(model.path) } });
    at.hub.add({ id: 'owner/tiny-llama', folder: join(fixtures, 'llama') });
  });
  afterEach(() => at.close());

  /** Lets a pull go on to its end and tries to remove it once on the way; what both came to. */
  async function removedDuring(
    events: AsyncIterable<PullProgress>,
    reference: string,
  ): Promise<{ answer: unknown; last: PullProgress | undefined }> {
    let answer: unknown;
    let last: PullProgress | undefined;
    for await (const event of events) {
      last = event;
      const isMidway = event.type === 'progress' && event.doneBytes < event.totalBytes;
      if (isMidway && answer === undefined)
        answer = await at.models.remove(reference).catch((error: unknown) => error);
    }
    return { answer, last };
  }

  it.each([
    ['owner/tiny-GGUF', 'owner/tiny-GGUF:q8_0'],
    ['owner/tiny-llama', 'owner/tiny-llama:q4_k_m'],
  ])('%s is refused, and the pull ends as if nobody had asked', async (reference, id) => {
    at.hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 40_000, everyMs: 10 } });
    const { answer, last } = await removedDuring(at.models.pull(reference), reference);
    expect(answer).toMatchObject({ code: 'conflict', message: expect.stringContaining(id) as string });
    expect(last).toMatchObject({ type: 'done', model: { id } });
    expect(readdirSync(join(at.folder, 'models/blobs'))).toHaveLength(1);
    expect((await at.models.remove(reference)).removed).toEqual([id]);
    at.hub.behave();
    const { sha256 } = await pulled(at.models.pull(reference));
    expect(last).toMatchObject({ model: { sha256 } });
  });

  /** Begins a pull and stops it midway. */
  async function stopped(reference: string): Promise<void> {
    at.hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 40_000, everyMs: 10 } });
    for await (const event of at.models.pull(reference)) if (event.type === 'progress') break;
    at.hub.behave();
    expect(at.inside('pulls')).toHaveLength(1);
  }
  const idsHere = async (): Promise<string[]> => (await at.models.list()).map(({ id }) => id);

  it('takes what a stopped pull left, and no quantisation that was not named', async () => {
    await pulled(at.models.pull('owner/tiny-llama:q8_0'));
    await stopped('owner/tiny-llama');
    expect(await at.models.remove('owner/tiny-llama')).toMatchObject({
      removed: ['owner/tiny-llama:q4_k_m'],
    });
    expect(at.inside('pulls')).toEqual([]);
    await expect(at.models.remove('owner/tiny-llama')).rejects.toMatchObject({
      code: 'model-unknown',
      hint: expect.stringContaining('owner/tiny-llama:q8_0') as string,
    });
    expect(await idsHere()).toContain('owner/tiny-llama:q8_0');
  });

  it('takes what a stopped pull left of an adapter that was named alone', async () => {
    at.hub.add({
      id: 'owner/adapter',
      files: tinyAdapter({ base: 'owner/tiny-llama', width: 256, layers: 4 }),
    });
    await stopped('owner/adapter');
    await at.models.remove('owner/adapter');
    expect(at.inside('pulls')).toEqual([]);
  });

  it('is refused for a folder that is being imported', async () => {
    const state = { isOver: false };
    const importing = pulled(at.models.import(join(fixtures, 'llama'))).finally(() => (state.isOver = true));
    let answer: unknown;
    // It begins and ends when it does: asked until it is at work.
    while (!state.isOver && (answer as AppError | undefined)?.code !== 'conflict')
      answer = await at.models.remove('llama').catch((error: unknown) => error);
    expect(answer).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('llama:q4_k_m') as string,
    });
    expect(await importing).toMatchObject({ id: 'llama:q4_k_m' });
  });
});
