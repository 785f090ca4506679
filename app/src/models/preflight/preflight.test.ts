import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyRepository } from '../../../test/fixtures/models/tiny-repository.ts';
import { writeTinyGguf, type TinyGguf } from '../../../test/fixtures/tiny-gguf.ts';
import { type ModelsOnHub, pulled, startModelsOnHub } from '../../../test/hub/models-on-hub.ts';
import { planLoad } from '../../engine/llama/memory-estimate.ts';
import { readModelFacts } from '../../engine/llama/model-facts.ts';
import { allocatedBytes } from '../registry/registry.ts';
import { expectedTokensPerSecond } from './memory-bandwidth.ts';

const trainedTokens = 2 ** 30;
const reference = 'owner/tiny-GGUF:f16';

describe('a pre-flight', () => {
  let folder: string;
  let model: TinyGguf;
  let at: ModelsOnHub;
  let crowded: ModelsOnHub;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'corral-preflight-'));
    model = await writeTinyGguf(folder, { type: 'f16', contextTokens: trainedTokens });
    const repositories = [{ id: 'owner/tiny-GGUF', files: { 'm-F16.gguf': readFileSync(model.path) } }];
    at = await startModelsOnHub({ repositories });
    // More has to stay free than any disk has.
    crowded = await startModelsOnHub({ repositories }, { reserveBytes: 2 ** 60 });
  });

  afterAll(async () => {
    await Promise.all([at.close(), crowded.close()]);
    rmSync(folder, { recursive: true });
  });

  it('counts the memory of weights and context from the file alone', async () => {
    const { layers, keyValueHeads, width, heads } = model.options;
    const kvBytesPerToken = layers * keyValueHeads * (width / heads) * 2 * 2;
    for (const contextTokens of [1024, 4096]) {
      const { memory, verdict, resultBytes } = await at.models.check(reference, { contextTokens });
      expect(memory).toMatchObject({ contextTokens, kvBytes: contextTokens * kvBytesPerToken, fit: 'fits' });
      expect(memory?.totalBytes).toBe(
        (memory?.weightsBytes ?? 0) + (memory?.kvBytes ?? 0) + (memory?.computeBytes ?? 0),
      );
      expect(resultBytes).toBe(model.sizeBytes);
      expect(verdict).toBe('fits');
    }
  });

  it('counts what the engine counts, before a conversion, before a download and afterwards', async () => {
    const name = 'owner/tiny-llama:q4_k_m';
    const weights = join(folder, 'weights');
    // Rows of whole blocks: q4_k is what processors lay out anew.
    await writeTinyRepository(weights, { width: 256, feedForward: 512, contextTokens: 4096 });
    at.hub.add({ id: 'owner/tiny-llama', folder: weights });
    const options = { contextTokens: 4096 };
    const beforeConversion = await at.models.check(name, options);
    const { id } = await pulled(at.models.pull(name));
    const source = await at.models.resolve(id);
    if (source.kind !== 'file') throw new Error('a pulled model is a file');
    at.hub.add({ id: 'owner/made-GGUF', files: { 'made-Q4_K_M.gguf': readFileSync(source.path) } });
    const beforeDownload = await at.models.check('owner/made-GGUF:q4_k_m', options);
    const here = { availableBytes: beforeConversion.memory?.availableBytes ?? 0, gpuFreeBytes: 0 };
    const { estimate } = planLoad(await readModelFacts(source), { ...options, slots: 1 }, here);
    expect(estimate.repackedBytes).toBeGreaterThan(0.3 * estimate.weightsBytes);
    const expected = {
      weightsBytes: estimate.weightsBytes + estimate.repackedBytes,
      kvBytes: estimate.kvBytes,
      computeBytes: estimate.computeBytes,
      totalBytes: estimate.totalBytes,
      fit: estimate.fit,
    };
    expect(beforeConversion).toMatchObject({ action: 'convert', memory: expected });
    expect(beforeDownload).toMatchObject({ action: 'fetch', memory: expected });
    await at.models.remove(id);
  });

  it('says when the memory of this machine is too small, and a pull is refused until forced', async () => {
    const contextTokens = 2 ** 29;
    const report = await at.models.check(reference, { contextTokens });
    expect(report).toMatchObject({ verdict: 'will-not-fit', memory: { fit: 'will-not-fit' } });
    expect(report.notes.join(' ')).toMatch(/memory.*too small.*shorter context/);
    await expect(pulled(at.models.pull(reference, { contextTokens }))).rejects.toMatchObject({
      code: 'model-does-not-fit',
      hint: expect.stringMatching(/--force/) as string,
    });
    expect(await at.models.list()).toMatchObject([{ id: 'cria' }]);
    expect((await pulled(at.models.pull(reference, { contextTokens, force: true }))).sha256).toBe(
      model.sha256,
    );
    // Once here it is judged from its own file.
    expect(await at.models.check(reference, { contextTokens })).toMatchObject({
      action: 'ready',
      downloadBytes: 0,
      memory: { fit: 'will-not-fit' },
      disk: { needBytes: 0 },
    });
  });

  it('says when the disk gets tight, and goes on all the same', async () => {
    const report = await crowded.models.check(reference);
    expect(report).toMatchObject({
      verdict: 'tight',
      disk: { fit: 'tight', needBytes: model.sizeBytes },
      memory: { fit: 'fits' },
    });
    expect(report.notes.join(' ')).toMatch(/disk is nearly full/);
    expect((await pulled(crowded.models.pull(reference))).sha256).toBe(model.sha256);
  });

  it('counts of the disk only what a pull that was stopped has not taken yet', async () => {
    const files = { 'm-F16.gguf': readFileSync(model.path) };
    at.hub.add({ id: 'owner/half-GGUF', files });
    at.hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 4000, everyMs: 20 } });
    for await (const event of at.models.pull('owner/half-GGUF'))
      if (event.type === 'progress' && event.doneBytes > 8192) break;
    at.hub.behave();
    const pulls = join(at.folder, 'models/pulls');
    const taken = readdirSync(pulls, { recursive: true, encoding: 'utf8' })
      .map((name) => statSync(join(pulls, name)))
      .reduce((sum, stats) => sum + (stats.isFile() ? stats.blocks * 512 : 0), 0);
    expect(taken).toBeGreaterThan(8192);
    expect(taken).toBeLessThan(model.sizeBytes);
    const { disk } = await at.models.check('owner/half-GGUF');
    expect(disk.needBytes).toBe(model.sizeBytes - taken);
    expect((await pulled(at.models.pull('owner/half-GGUF'))).sha256).toBe(model.sha256);
  });

  it('counts no holes of an unfinished file as taken', async () => {
    const half = join(folder, 'half');
    mkdirSync(half);
    writeFileSync(join(half, 'result.gguf.part'), 'its header');
    truncateSync(join(half, 'result.gguf.part'), 2 ** 30);
    expect(await allocatedBytes(half)).toBeLessThan(2 ** 20);
    expect(await allocatedBytes(join(folder, 'nothing'))).toBe(0);
  });

  it('expects fewer tokens a second of larger weights, in the measure of this machine', async () => {
    const [small, large] = [await expectedTokensPerSecond(4e9), await expectedTokensPerSecond(16e9)];
    expect(small / large).toBeGreaterThan(3.5);
    expect(small / large).toBeLessThan(4.5);
    // No memory of today is outside of this: 1 GB/s to 2 TB/s.
    expect(small).toBeGreaterThan(0.25);
    expect(small).toBeLessThan(500);
    // Two digits: it is an estimate and should look like one.
    expect(Number(small.toPrecision(2))).toBe(small);
  });
});
