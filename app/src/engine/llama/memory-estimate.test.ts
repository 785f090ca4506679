import { describe, expect, test } from 'vitest';
import { planLoad } from './memory-estimate.ts';
import type { ModelFacts } from './model-facts.ts';

const gib = 2 ** 30;

/** LLaMA-7B in Q4_K_M: 32 layers of 4096 keys and values, half a megabyte of KV a token. */
const llama7b: ModelFacts = {
  architecture: 'llama',
  layers: 32,
  trainedContextTokens: 4096,
  vocabularySize: 32_000,
  embeddingLength: 4096,
  feedForwardLength: 11_008,
  keyLength: 4096,
  headLength: 128,
  valueLength: 4096,
  weightsBytes: 3.8 * gib,
  repackedBytes: 2.9 * gib,
  layerBytes: 3.6 * gib,
  adapterBytes: 0,
};
const place = (available: number, gpu = 0) => ({ availableBytes: available * gib, gpuFreeBytes: gpu * gib });

describe('what loading will take', () => {
  test('the whole cache, the weights and what is laid out anew are counted', () => {
    const { estimate } = planLoad(llama7b, { contextTokens: 4096, slots: 1 }, place(64));
    expect(estimate.kvBytes).toBe(2 * gib);
    expect(estimate.repackedBytes).toBe(2.9 * gib);
    expect(estimate.totalBytes).toBeGreaterThan(8.7 * gib);
    expect(estimate.totalBytes).toBeLessThan(9.1 * gib);
    expect(estimate.fit).toBe('fits');
  });

  test('a chat never gets more context than the model was trained for', () => {
    expect(planLoad(llama7b, {}, place(64)).contextTokens).toBe(4096);
    expect(planLoad({ ...llama7b, trainedContextTokens: 131_072 }, {}, place(64)).contextTokens).toBe(8192);
  });

  test('slots share fewer cells where memory is short, down to one whole context', () => {
    const cells = (available: number): number => planLoad(llama7b, { slots: 4 }, place(available)).kvTokens;
    expect(cells(64)).toBe(4 * 4096);
    expect(cells(14)).toBe(2 * 4096);
    expect(cells(10)).toBe(4096);
  });

  test.each([
    [12, 'fits'],
    [9.1, 'tight'],
    [8, 'will-not-fit'],
  ])('with %d GiB to be had: %s', (available, fit) => {
    expect(planLoad(llama7b, {}, place(available)).estimate.fit).toBe(fit);
  });

  test('what would fit is said, the smallest change first; nothing where nothing helps', () => {
    const wouldFit = (available: number) => planLoad(llama7b, {}, place(available)).estimate.wouldFit;
    expect(wouldFit(8.2)).toEqual({ kvType: 'q8_0' });
    expect(wouldFit(7.3)).toEqual({ contextTokens: 1024, kvType: 'q8_0' });
    expect(wouldFit(4)).toBeUndefined();
    expect(wouldFit(12)).toBeUndefined();
  });
});

describe('layers on a GPU', () => {
  const layers = (gpu: number, gpuLayers?: number): number =>
    planLoad(llama7b, gpuLayers === undefined ? {} : { gpuLayers }, place(64, gpu)).gpuLayers;

  test('as many as fit beside the driver; the head goes along when all do', () => {
    expect(layers(0)).toBe(0);
    expect(layers(0.5)).toBe(0);
    expect(layers(3)).toBeGreaterThan(8);
    expect(layers(3)).toBeLessThan(16);
    expect(layers(24)).toBe(33);
  });

  test('what was asked for wins, within what there is', () => {
    expect(layers(24, 5)).toBe(5);
    expect(layers(0, 99)).toBe(33);
  });

  test('where too few were asked for, more of them are what would help', () => {
    const { estimate } = planLoad(llama7b, { gpuLayers: 0 }, place(4, 24));
    expect(estimate).toMatchObject({ fit: 'will-not-fit', wouldFit: { gpuLayers: 33 } });
  });

  test('slots share fewer cells before the cache is more than the card holds', () => {
    const llama8b = {
      ...llama7b,
      trainedContextTokens: 131_072,
      feedForwardLength: 14_336,
      vocabularySize: 128_256,
      keyLength: 1024,
      valueLength: 1024,
      weightsBytes: 4.6 * gib,
      repackedBytes: 3.1 * gib,
      layerBytes: 3.9 * gib,
    };
    const planOn = (gpu: number, gpuLayers?: number) =>
      planLoad(llama8b, { contextTokens: 8192, slots: 4, ...(gpuLayers && { gpuLayers }) }, place(64, gpu));
    // Each context is 1 GiB, beside 4.6 GiB of weights and what the driver keeps.
    expect(planOn(7.6)).toMatchObject({ gpuLayers: 33, kvTokens: 2 * 8192 });
    expect(planOn(7.6, 33)).toMatchObject({ gpuLayers: 33, kvTokens: 2 * 8192 });
    expect(planOn(24)).toMatchObject({ gpuLayers: 33, kvTokens: 4 * 8192 });
    expect(planOn(0)).toMatchObject({ gpuLayers: 0, kvTokens: 4 * 8192 });
    // Half of the layers fill this card with one context; more cells would have no room beside them.
    expect(planOn(3)).toMatchObject({ gpuLayers: 15, kvTokens: 8192 });
  });

  test('what is there is not counted here', () => {
    const { estimate } = planLoad(llama7b, {}, place(64, 24));
    expect(estimate.kvBytes).toBe(0);
    expect(estimate.repackedBytes).toBe(0);
    expect(estimate.weightsBytes).toBeCloseTo(0.2 * gib, -6);
  });
});
