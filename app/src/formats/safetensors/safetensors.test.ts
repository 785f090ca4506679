import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../contracts/app-error.ts';
import { memorySource } from '../byte-source.ts';
import { readSafetensors, readShardIndex } from './safetensors-reader.ts';
import { encodeSafetensors } from './safetensors-writer.ts';

const tensors = [
  { name: 'a', dtype: 'f32', shape: [2, 3], bytes: new Uint8Array(24).fill(1) },
  { name: 'b', dtype: 'bf16', shape: [5], bytes: new Uint8Array(10).fill(2) },
] as const;

/** A file with any header over `dataBytes` bytes. */
function file(header: unknown, dataBytes = 34): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const read = (bytes: Uint8Array): ReturnType<typeof readSafetensors> =>
  readSafetensors(memorySource('x.safetensors', bytes));
const entry = (dtype: string, shape: unknown, begin: number, end: number): unknown => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('the safetensors reader', () => {
  it('gives back what the writer wrote, in the order of the bytes', async () => {
    const bytes = encodeSafetensors(tensors, { format: 'pt' });
    const found = await read(bytes);
    expect(found.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
      tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    );
    for (const [index, { offset, sizeBytes }] of found.tensors.entries())
      expect(bytes.subarray(offset, offset + sizeBytes)).toEqual(tensors[index]?.bytes);
    expect(found.metadata).toEqual({ format: 'pt' });
  });

  it.each([
    ['nothing', new Uint8Array(3), 'shorter than 8'],
    ['a header longer than allowed', new Uint8Array(64).fill(255), 'header would have'],
    ['a header longer than the file', file('{}').fill(200, 0, 1), 'middle of its header'],
    ['no JSON', file('{nonsense'), 'not JSON'],
    ['an array', file('[1]'), 'begin with {'],
    ['a type nobody knows', file({ a: entry('Q9', [1], 0, 34) }), 'not known'],
    ['a shape that needs more', file({ a: entry('F32', [9], 0, 34) }), 'where its shape needs'],
    [
      'a shape whose product wraps',
      file({ a: entry('F32', [2 ** 52, 2 ** 52], 0, 34) }),
      'where its shape needs',
    ],
    ['a negative size', file({ a: entry('F32', [-1], 0, 34) }), 'no sound shape'],
    ['offsets in the wrong order', file({ a: entry('F32', [1], 4, 0) }), 'no sound shape'],
    ['a gap', file({ a: entry('U8', [2], 0, 2), b: entry('U8', [31], 3, 34) }), 'gap or an overlap'],
    ['an overlap', file({ a: entry('U8', [4], 0, 4), b: entry('U8', [31], 3, 34) }), 'gap or an overlap'],
    ['bytes left over', file({ a: entry('U8', [33], 0, 33) }), 'header describes'],
    ['bytes missing', file({ a: entry('U8', [35], 0, 35) }), 'header describes'],
    ['a pickle', Uint8Array.from([0x80, 2, 0x7d, 0x71, 0, 0x2e, 0, 0, 0, 0]), 'header'],
  ])('refuses %s', async (_, bytes, why) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'file-invalid',
      message: expect.stringContaining(why) as string,
    });
  });

  it('meets any damage with one clear error', async () => {
    const sound = encodeSafetensors(tensors);
    const change = fc.record({ at: fc.nat(sound.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const bytes = sound.slice();
        for (const { at, byte } of changes) bytes[at] = byte;
        const result = await read(bytes).catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(AppError);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a shard index', () => {
  const index = (map: unknown): Uint8Array => Buffer.from(JSON.stringify({ weight_map: map }));

  it('gives the shards once each', () => {
    const found = readShardIndex(
      'i',
      index({ a: 'two.safetensors', b: 'one.safetensors', c: 'one.safetensors' }),
    );
    expect(found.shards).toEqual(['one.safetensors', 'two.safetensors']);
  });

  it.each(['../x', '/etc/passwd', 'a/b', '..', '', 'C:\\x', 'a\u0000', 7])(
    'refuses the shard name %j',
    (name) => {
      expect(() => readShardIndex('i', index({ a: name }))).toThrow(AppError);
    },
  );
});
