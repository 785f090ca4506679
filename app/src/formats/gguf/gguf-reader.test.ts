import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../contracts/app-error.ts';
import { memorySource, type ByteSource } from '../byte-source.ts';
import { ggufLimits, readGguf } from './gguf-reader.ts';
import { ggufEntry, layOutGguf, type GgufTensorShape } from './gguf-writer.ts';
import type { GgufEntry } from './gguf-types.ts';

const shapes: GgufTensorShape[] = [
  { name: 'output.weight', dimensions: [64, 3], type: 'f16' },
  { name: 'token_embd.weight', dimensions: [64, 5], type: 'q8_0' },
];
const entries: [string, GgufEntry][] = [
  ['general.architecture', ggufEntry.string('llama')],
  ['llama.block_count', ggufEntry.u32(2)],
  ['llama.big', { type: 'u64', value: 5_000_000_000n }],
  ['tokenizer.ggml.tokens', ggufEntry.array('string', ['a', 'b', '\u2581c'])],
  ['tokenizer.ggml.scores', ggufEntry.array('f32', [0, -1, -2])],
  ['tokenizer.ggml.token_type', ggufEntry.array('i32', [1, 1, 1])],
];

function file(withEntries = entries, withShapes = shapes): Uint8Array {
  const layout = layOutGguf(withEntries, withShapes);
  const bytes = new Uint8Array(layout.sizeBytes);
  bytes.set(layout.header);
  return bytes;
}

async function refusal(bytes: Uint8Array): Promise<AppError> {
  const error = await readGguf(memorySource('x.gguf', bytes)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).code).toBe('model-file-invalid');
  return error as AppError;
}

/** The header with `value` written as u64 at the first place after `needle`. */
function patched(needle: string, distance: number, value: bigint): Uint8Array {
  const bytes = file();
  const at = Buffer.from(bytes).indexOf(needle) + needle.length + distance;
  new DataView(bytes.buffer).setBigUint64(at, value, true);
  return bytes;
}

/** The file with a text in its header replaced by another of the same length. */
function renamed(from: string, to: string): Uint8Array {
  const bytes = file();
  bytes.set(Buffer.from(to, 'latin1'), Buffer.from(bytes).indexOf(from));
  return bytes;
}

/** A terabyte of entries with the longest text allowed in each; only what is asked for is made. */
function endlessHeader(onRead: (end: number) => void): ByteSource {
  const start = Buffer.alloc(24);
  start.write('GGUF');
  start.writeUInt32LE(3, 4);
  start.writeUInt32LE(ggufLimits.maximumEntries, 16);
  const entryStart = (index: number): Buffer => {
    const bytes = Buffer.alloc(8 + 6 + 4 + 8);
    bytes.writeUInt32LE(6);
    bytes.write(`k${String(index).padStart(5, '0')}`, 8);
    bytes.writeUInt32LE(8, 14);
    bytes.writeUInt32LE(ggufLimits.maximumStringBytes, 18);
    return bytes;
  };
  const entryBytes = 26 + ggufLimits.maximumStringBytes;
  return {
    name: 'x.gguf',
    sizeBytes: 2 ** 40,
    read(offset, length) {
      onRead(offset + length);
      const bytes = new Uint8Array(length).fill(0x20);
      const put = (part: Buffer, at: number): void =>
        part.forEach((byte, index) => {
          const place = at + index - offset;
          if (place >= 0 && place < length) bytes[place] = byte;
        });
      put(start, 0);
      const first = Math.max(0, Math.floor((offset - 24) / entryBytes));
      for (let index = first; 24 + index * entryBytes < offset + length; index++)
        put(entryStart(index), 24 + index * entryBytes);
      return Promise.resolve(bytes);
    },
  };
}

describe('the GGUF reader', () => {
  it('gives back what the writer wrote', async () => {
    const read = await readGguf(memorySource('x.gguf', file()));
    expect([...read.metadata]).toEqual(entries);
    expect(read.tensors.map(({ name, dimensions, type }) => ({ name, dimensions, type }))).toEqual(shapes);
    expect(read.tensors.map((tensor) => tensor.sizeBytes)).toEqual([64 * 3 * 2, 34 * 2 * 5]);
    expect(read.dataOffset % read.alignment).toBe(0);
  });

  it('checks long arrays without keeping them', async () => {
    const read = await readGguf(memorySource('x.gguf', file()), { keepArraysUpTo: 2 });
    expect(read.metadata.get('tokenizer.ggml.tokens')).toEqual({
      type: 'array',
      elementType: 'string',
      count: 3,
      values: null,
    });
  });

  it('reads version 2 as well, and no other', async () => {
    const bytes = file();
    bytes[4] = 2;
    expect((await readGguf(memorySource('x.gguf', bytes))).version).toBe(2);
    bytes[4] = 1;
    expect((await refusal(bytes)).message).toContain('version is 1');
  });

  it.each([
    [
      'another magic',
      () => Uint8Array.from(file(), (byte, index) => (index === 0 ? 0x50 : byte)),
      'begin with',
    ],
    ['nothing', () => new Uint8Array(0), 'ends in the middle'],
    ['a header cut short', () => file().subarray(0, 100), 'ends in the middle'],
    ['tensors cut short', () => file().subarray(0, file().length - 64), 'behind the end'],
    ['a string longer than allowed', () => patched('general.architecture', 4, 1n << 40n), 'length of'],
    ['a string longer than the file', () => patched('general.architecture', 4, 1n << 20n), 'middle'],
    ['an array longer than allowed', () => patched('tokenizer.ggml.scores', 8, 1n << 62n), 'length of'],
    ['a dimension whose product wraps', () => patched('output.weight', 4, 1n << 52n), 'bytes'],
    ['a dimension of zero', () => patched('output.weight', 4, 0n), 'dimension of 0'],
    ['an offset elsewhere', () => patched('output.weight', 24, 32n), 'its place'],
    ['too many tensors', () => patched('GGUF', 4, 100_001n), 'number of tensors'],
    ['too many entries', () => patched('GGUF', 12, 100_001n), 'number of entries'],
    ['an entry twice', () => file([...entries, ['llama.block_count', ggufEntry.u32(2)]]), 'twice'],
    ['a tensor twice', () => file(entries, [...shapes, ...shapes]), 'twice'],
    ['an odd alignment', () => file([['general.alignment', ggufEntry.u32(48)]]), 'power of two'],
    ['no alignment', () => file([['general.alignment', ggufEntry.u32(0)]]), 'power of two'],
    ['a huge alignment', () => file([['general.alignment', ggufEntry.u32(1 << 20)]]), 'power of two'],
    [
      'scores that are integers',
      () => file([['tokenizer.ggml.scores', ggufEntry.array('i32', [1])]]),
      'where f32 belongs',
    ],
    [
      'tokens that are numbers',
      () => file([['tokenizer.ggml.tokens', ggufEntry.array('u32', [1])]]),
      'where string belongs',
    ],
    [
      'two equal tokens',
      () => file([['tokenizer.ggml.tokens', ggufEntry.array('string', ['a', '', 'b', '', 'a'])]]),
      'the token "a" occurs twice',
    ],
    ['an array of arrays', () => patched('tokenizer.ggml.scores', 4, 9n), 'array of type 9'],
    ['a value of no type', () => patched('llama.block_count', 0, 99n), 'type 99'],
    ['a tensor of no type', () => patched('output.weight', 20, 99n), 'type 99'],
    ['a tensor without dimensions', () => patched('output.weight', 0, 0n), '0 dimensions'],
    ['a tensor of five dimensions', () => patched('output.weight', 0, 5n), '5 dimensions'],
    ['a truth value that is neither', () => patched('llama.big', 0, (2n << 32n) | 7n), 'truth value is 2'],
    ['a name with NUL', () => renamed('output.weight', 'output\0weight'), 'NUL'],
    ['a name that is not UTF-8', () => renamed('llama.big', 'llama.b\u00FFg'), 'not UTF-8'],
    ['part of a block', () => file([], [{ name: 'a', dimensions: [33], type: 'q8_0' }]), 'whole blocks'],
    ['a name too long', () => file([], [{ name: 'a'.repeat(64), dimensions: [1], type: 'f32' }]), 'name'],
  ])('refuses %s', async (_, make, why) => {
    expect((await refusal(make())).message).toContain(why);
  });

  it('never reads behind the end or the limit of a lying source', async () => {
    const source: ByteSource = { ...memorySource('x', file()), sizeBytes: 2 ** 50 };
    await expect(readGguf(source)).rejects.toBeInstanceOf(AppError);
  });

  it('never reads more header than any real file has', async () => {
    let readTo = 0;
    const endless = endlessHeader((end) => (readTo = Math.max(readTo, end)));
    await expect(readGguf(endless, { keepArraysUpTo: 0 })).rejects.toMatchObject({
      code: 'model-file-invalid',
    });
    expect(readTo).toBeGreaterThan(ggufLimits.maximumStringBytes);
    expect(readTo).toBeLessThanOrEqual(ggufLimits.maximumHeaderBytes);
  });

  it('meets any damage with one clear error', async () => {
    const sound = file();
    const damage = fc.array(
      fc.record({
        at: fc.nat(sound.length - 1),
        byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 255, 128, 127)),
      }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(sound.length), async (changes, cut) => {
        const bytes = sound.slice(0, cut % 7 === 0 ? cut : sound.length);
        for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
        const result = await readGguf(memorySource('x', bytes)).catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(AppError);
      }),
      { numRuns: 1500 },
    );
  });
});
