import { describe, expect, it } from 'vitest';
import { fitOf, kvBytesPerToken, memoryUse } from './memory-fit.ts';

const llama7b = {
  weightsBytes: 4_081_004_224,
  layers: 32,
  headCountKv: 32,
  keyLength: 128,
  valueLength: 128,
  embeddingLength: 4096,
  feedForwardLength: 11_008,
  vocabularySize: 32_000,
};

describe('memory arithmetic', () => {
  it('knows the half megabyte that a token of LLaMA-7B takes', () => {
    expect(kvBytesPerToken(llama7b, 'f16')).toBe(524_288);
    expect(kvBytesPerToken(llama7b, 'q8_0')).toBe(278_528);
  });

  it('adds weights, cache and buffers, each slot with a context of its own', () => {
    const one = memoryUse(llama7b, { contextTokens: 2048, slots: 1, kvType: 'f16' });
    expect(one.kvBytes).toBe(1 << 30);
    expect(one.totalBytes).toBe(one.weightsBytes + one.kvBytes + one.computeBytes);
    const four = memoryUse(llama7b, { contextTokens: 2048, slots: 4, kvType: 'f16', repackedBytes: 7 });
    expect(four.totalBytes - one.totalBytes).toBe(3 * (1 << 30) + 7);
    expect(one.computeBytes).toBeLessThan(300 << 20);
  });

  it.each([
    [70, 100, 'fits'],
    [90, 100, 'tight'],
    [101, 100, 'will-not-fit'],
  ] as const)('%i of %i: %s', (need, available, fit) => {
    expect(fitOf(need, available)).toBe(fit);
  });
});
