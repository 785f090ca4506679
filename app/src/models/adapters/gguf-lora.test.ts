import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/fixtures/temporary-folder.ts';
import {
  fileBytes,
  save,
  type TinyGguf,
  type TinyTensor,
  writeTinyGguf,
} from '../../../test/fixtures/tiny-gguf.ts';
import { memorySource } from '../../formats/byte-source.ts';
import type { GgufEntry } from '../../formats/gguf/gguf-types.ts';
import { ggufEntry } from '../../formats/gguf/gguf-writer.ts';
import { takeGgufLora } from './gguf-lora.ts';

const { f32, string, u32 } = ggufEntry;
const width = 64;
const tokens = 384;

function tensor(name: string, dimensions: number[]): TinyTensor {
  const values = new Float32Array(dimensions.reduce((one, next) => one * next, 1)).fill(0.01);
  return { name, dimensions, type: 'f32', values };
}
const query = [
  tensor('blk.0.attn_q.weight.lora_a', [width, 4]),
  tensor('blk.0.attn_q.weight.lora_b', [4, width]),
];
const embedding = [
  tensor('token_embd.weight.lora_a', [2, tokens]),
  tensor('token_embd.weight.lora_b', [2, width]),
];
const sound: Record<string, GgufEntry> = {
  'general.architecture': string('llama'),
  'general.type': string('adapter'),
  'adapter.type': string('lora'),
  'adapter.lora.alpha': f32(8),
};

function without(name: string): Record<string, GgufEntry> {
  return Object.fromEntries(Object.entries(sound).filter(([other]) => other !== name));
}

describe('a finished GGUF LoRA', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let base: TinyGguf;
  beforeAll(async () => {
    folder = await temporaryFolder();
    base = await writeTinyGguf(folder.path, { width, vocabularySize: tokens });
  });
  afterAll(async () => await folder.remove());

  const take = (bytes: Uint8Array, bring: () => Promise<string>) =>
    takeGgufLora({
      name: 'mine',
      source: memorySource('mine.gguf', bytes),
      bring,
      onProgress: () => undefined,
      basePath: base.path,
      output: join(folder.path, 'taken.gguf'),
      signal: new AbortController().signal,
    });

  it('is copied as it is, where all of it has a place in the base', async () => {
    const bytes = fileBytes(Object.entries(sound), [...query, ...embedding]);
    const { path, sha256, sizeBytes } = await save(folder.path, 'mine', bytes);
    expect(await take(bytes, () => Promise.resolve(path))).toEqual({ sha256, sizeBytes, rank: 4 });
    expect(readFileSync(join(folder.path, 'taken.gguf')).equals(bytes)).toBe(true);
  });

  it.each<[string, Record<string, GgufEntry>, TinyTensor[], RegExp]>([
    ['changes nothing', sound, [], /nothing/],
    ['lacks a half', sound, query.slice(1), /half of blk\.0\.attn_q/],
    ['holds more than products', sound, [...query, tensor('output_norm.weight', [width])], /output_norm/],
    [
      'has no place in the base',
      sound,
      [tensor('blk.9.attn_q.weight.lora_a', [width, 4]), tensor('blk.9.attn_q.weight.lora_b', [4, width])],
      /no blk\.9/,
    ],
    [
      'has the shape of another base',
      sound,
      [tensor('blk.0.attn_q.weight.lora_a', [128, 4]), tensor('blk.0.attn_q.weight.lora_b', [4, 128])],
      /another shape/,
    ],
    [
      'has halves of two ranks',
      sound,
      [tensor('blk.0.attn_q.weight.lora_a', [width, 4]), tensor('blk.0.attn_q.weight.lora_b', [8, width])],
      /another shape/,
    ],
    [
      'has an embedding the wrong way round',
      sound,
      [tensor('token_embd.weight.lora_a', [width, 2]), tensor('token_embd.weight.lora_b', [2, tokens])],
      /another shape/,
    ],
    ['is for another family', { ...sound, 'general.architecture': string('falcon') }, query, /falcon/],
    ['is no LoRA', { ...sound, 'adapter.type': string('control') }, query, /not a LoRA/],
    ['says nothing of its strength', without('adapter.lora.alpha'), query, /how strong/],
    [
      'gives its strength as another kind of number',
      { ...sound, 'adapter.lora.alpha': u32(8) },
      query,
      /how strong/,
    ],
  ])('that %s is refused before it is fetched', async (_, entries, tensors, why) => {
    const bytes = fileBytes(Object.entries(entries), tensors);
    const bring = (): Promise<string> => Promise.reject(new Error('it was fetched'));
    await expect(take(bytes, bring)).rejects.toMatchObject({ code: 'adapter-mismatch', message: why });
  });

  it('is not what a model is', async () => {
    const bring = (): Promise<string> => Promise.reject(new Error('it was fetched'));
    await expect(take(readFileSync(base.path), bring)).rejects.toMatchObject({ code: 'model-unsupported' });
  });
});
