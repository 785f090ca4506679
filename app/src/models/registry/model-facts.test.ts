import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileBytes } from '../../../test/fixtures/tiny-gguf.ts';
import { readModelFacts as readEngineFacts } from '../../engine/llama/model-facts.ts';
import type { GgufEntry } from '../../formats/gguf/gguf-types.ts';
import { ggufEntry } from '../../formats/gguf/gguf-writer.ts';
import { readModelFacts } from './model-facts.ts';

const { array, string, u32 } = ggufEntry;

describe('a model with one number a layer', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'corral-facts-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function write(numbers: Record<string, GgufEntry>): string {
    const path = join(folder, 'model.gguf');
    const entries: [string, GgufEntry][] = [
      ['general.architecture', string('mixed')],
      ['mixed.block_count', u32(4)],
      ['mixed.embedding_length', u32(8192)],
      ...Object.entries(numbers).map(([key, entry]): [string, GgufEntry] => [`mixed.${key}`, entry]),
      ['tokenizer.ggml.tokens', array('string', ['a', 'b'])],
    ];
    const values = new Float32Array(64);
    writeFileSync(
      path,
      fileBytes(entries, [{ name: 'token_embd.weight', dimensions: [32, 2], type: 'f32', values }]),
    );
    return path;
  }

  it.each<[string, Record<string, GgufEntry>, { headCount: number; headCountKv: number }]>([
    [
      'attention and network in every layer',
      {
        'attention.head_count': array('i32', [64, 64, 32, 64]),
        'attention.head_count_kv': array('i32', [8, 8, 4, 8]),
        feed_forward_length: array('i32', [21504, 4096, 21504, 0]),
      },
      { headCount: 64, headCountKv: 8 },
    ],
    [
      'attention in some layers only',
      {
        'attention.head_count': u32(32),
        'attention.head_count_kv': array('i32', [0, 8, 0, 8]),
        feed_forward_length: u32(8192),
      },
      { headCount: 32, headCountKv: 8 },
    ],
  ])('%s: is shown and judged as the engine takes it', async (_, numbers, heads) => {
    const path = write(numbers);
    const { shape, ...shown } = await readModelFacts(path);
    const source = { kind: 'file' as const, id: path, path, sha256: '', adapters: [] };
    expect(shown).toMatchObject(heads);
    expect(await readEngineFacts(source)).toMatchObject(shape);
    rmSync(path);
  });
});
