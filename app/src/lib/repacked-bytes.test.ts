import { describe, expect, it } from 'vitest';
import { repackedBytes, type WeightTensor } from './repacked-bytes.ts';

const tensor = (name: string, type: string, dimensions: number[], sizeBytes: number): WeightTensor => ({
  name,
  type,
  dimensions,
  sizeBytes,
});
const layers = [
  tensor('blk.0.attn_norm.weight', 'f32', [256], 1),
  tensor('blk.0.attn_q.weight', 'q4_k', [256, 256], 10),
  tensor('blk.0.attn_v.weight', 'q6_k', [256, 256], 100),
  tensor('blk.0.ffn_gate_inp.weight', 'q4_k', [256, 7], 1000),
  tensor('blk.0.ffn_up_exps.weight', 'q4_k', [256, 512, 4], 10_000),
];
const embeddings = tensor('token_embd.weight', 'q4_k', [256, 384], 100_000);
const head = tensor('output.weight', 'q6_k', [256, 384], 1_000_000);

describe('weights that are laid out anew', () => {
  it.each([
    ['x64', 10_010],
    ['arm64', 1_010_110],
    ['riscv64', 0],
  ])('on %s are matrices of its types, in whole groups of rows', (processor, bytes) => {
    expect(repackedBytes([...layers, embeddings, head], processor)).toBe(bytes);
  });

  it('are the embeddings too where they serve as the head', () => {
    expect(repackedBytes([...layers, embeddings], 'x64')).toBe(110_010);
    const rare = { ...embeddings, type: 'q6_k' };
    expect(repackedBytes([...layers, rare], 'x64')).toBe(10_010);
  });
});
