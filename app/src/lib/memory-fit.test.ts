import { describe, expect, it } from 'vitest';
import { fitOf, kvBytesPerToken, memoryUse } from './memory-fit.ts';

const llama7b = {
  weightsBytes: 4_081_004_224,
  repackedBytes: 3_100_000_000,
  layers: 32,
  keyLength: 4096,
  valueLength: 4096,
  embeddingLength: 4096,
  feedForwardLength: 11_008,
  vocabularySize: 32_000,
};

describe('memory arithmetic', () => {
  it('knows the half megabyte that a token of LLaMA-7B takes', () => {
    expect(kvBytesPerToken(llama7b, 'f16')).toBe(524_288);
    expect(kvBytesPerToken(llama7b, 'q8_0')).toBe(278_528);
  });

  it('adds weights, those laid out anew, cache and buffers', () => {
    const { totalBytes, kvBytes, computeBytes } = memoryUse(llama7b, { kvTokens: 2048, kvType: 'f16' });
    expect(kvBytes).toBe(1 << 30);
    expect(totalBytes).toBe(llama7b.weightsBytes + llama7b.repackedBytes + kvBytes + computeBytes);
    expect(computeBytes).toBeGreaterThan(110 << 20);
    expect(computeBytes).toBeLessThan(300 << 20);
  });

  it.each([
    [70, 100, 'fits'],
    [90, 100, 'tight'],
    [101, 100, 'will-not-fit'],
  ] as const)('%i of %i: %s', (need, available, fit) => {
    expect(fitOf(need, available)).toBe(fit);
  });
});
