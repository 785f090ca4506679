import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quantiseFile } from '../../../test/fixtures/llama-library.ts';
import { convertTo } from '../../../test/fixtures/models/convert-folder.ts';
import {
  writeTinyRepository,
  type TinyRepositoryOptions,
} from '../../../test/fixtures/models/tiny-repository.ts';
import { temporaryFolder } from '../../../test/fixtures/temporary-folder.ts';
import { quantisations, type Quantisation } from '../../contracts/models.ts';
import { memorySource } from '../../formats/byte-source.ts';
import { readGguf } from '../../formats/gguf/gguf-reader.ts';
import { fileTypes, tensorType } from './tensor-types.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => await folder.remove());

async function tensorsOf(
  path: string,
): Promise<{ names: string[]; bytes: Map<string, Buffer>; types: string[] }> {
  const bytes = await readFile(path);
  const { tensors } = await readGguf(memorySource(path, bytes));
  return {
    names: tensors.map(({ name }) => name),
    types: tensors.map(({ name, type }) => `${name} ${type}`),
    bytes: new Map(
      tensors.map(({ name, offset, sizeBytes }) => [name, bytes.subarray(offset, offset + sizeBytes)]),
    ),
  };
}

const mixtures = ['q4_k_m', 'q4_k_s', 'q5_k_m', 'q4_0'] as const;
const models: [string, TinyRepositoryOptions, readonly Quantisation[]][] = [
  ['llama of width 64', { width: 64, layers: 8 }, quantisations],
  ['llama of whole blocks', { width: 256, heads: 4, layers: 8, feedForward: 256 }, mixtures],
  [
    'llama with a tied output',
    { width: 256, heads: 4, layers: 1, feedForward: 256, tied: true },
    quantisations,
  ],
  ['falcon', { architecture: 'falcon-7b', width: 256, heads: 4, layers: 3, feedForward: 1024 }, mixtures],
];

// arm64's ggml rounds K-quants otherwise; there the types alone are compared.
const sameBytes = process.arch === 'x64';

describe.each(models)('%s', (name, options, kinds) => {
  let base: string;
  let plain: string;
  beforeAll(async () => {
    base = join(folder.path, name.replaceAll(' ', '-'));
    await writeTinyRepository(base, { ...options, dtype: 'f16' });
    plain = await convertTo(join(base, 'plain'), { base, quantisation: 'f32' });
  });

  it.each(kinds)('%s: names, order, types and bytes are those of llama-quantize', async (quantisation) => {
    const ours = await tensorsOf(await convertTo(join(base, quantisation), { base, quantisation }));
    const target = join(base, `${quantisation}.gguf`);
    quantiseFile(plain, target, fileTypes[quantisation]);
    const theirs = await tensorsOf(target);
    expect(ours.types).toEqual(theirs.types);
    const different = ours.names.filter((tensor) => {
      const [a, b] = [ours.bytes.get(tensor), theirs.bytes.get(tensor)];
      return !a || !b || Buffer.compare(a, b) !== 0;
    });
    if (sameBytes) expect(different).toEqual([]);
  });
});

describe('tensor types of shapes that are too large to make', () => {
  const context = { architecture: 'llama', heads: 64, keyValueHeads: 8, isTied: false };

  it.each([
    ['blk.20.attn_v.weight', 'llama', 80, 'q5_k'],
    ['blk.2.attn_v.weight', 'llama', 80, 'q6_k'],
    ['blk.19.attn_v.weight', 'llama', 78, 'q4_k'],
    ['blk.20.attn_v.weight', 'qwen2', 80, 'q5_k'],
  ])('%s of a %s of %d layers is %s', (name, architecture, layers, type) => {
    const given = { ...context, architecture, layers, quantisation: 'q4_k_m' as const };
    expect(tensorType(name, [1024, 8192], given)).toBe(type);
  });

  it.each([
    [4544, 'blk.0.ffn_up.weight', 'q5_0'],
    [18_176, 'blk.0.ffn_down.weight', 'q6_k'],
    [896, 'blk.0.ffn_up.weight', 'q5_0'],
    [576, 'token_embd.weight', 'q5_0'],
    [100, 'blk.0.ffn_up.weight', 'f16'],
  ])('rows of %d in %s: %s', (columns, name, type) => {
    const given = { ...context, layers: 32, quantisation: 'q4_k_m' as const };
    expect(tensorType(name, [1000, columns], given)).toBe(type);
  });
});
