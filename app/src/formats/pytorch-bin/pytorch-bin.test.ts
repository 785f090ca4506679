import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodePytorchBin,
  pickleGlobal,
  pickleOfTensors,
  storedZip,
  type BinTensor,
} from '../../../test/fixtures/models/pytorch-bin-writer.ts';
import { AppError } from '../../contracts/app-error.ts';
import { memorySource } from '../byte-source.ts';
import { readPytorchBin } from './pytorch-bin.ts';

const tensors: BinTensor[] = [
  { name: 'model.a', dtype: 'f32', shape: [2, 3], bytes: new Uint8Array(24).fill(1) },
  { name: 'model.b', dtype: 'bf16', shape: [5], bytes: new Uint8Array(10).fill(2) },
];
const read = (bytes: Uint8Array): ReturnType<typeof readPytorchBin> =>
  readPytorchBin(memorySource('x.bin', Uint8Array.from(bytes)));
const withPickle = (pickle: Uint8Array): Buffer =>
  storedZip([
    { name: 'a/data.pkl', bytes: pickle },
    { name: 'a/data/0', bytes: new Uint8Array(24) },
  ]);
const pickle = (...parts: (string | number[] | Buffer)[]): Buffer =>
  Buffer.concat([Buffer.from([0x80, 2]), ...parts.map((part) => Buffer.from(part as string))]);

describe('the reader of PyTorch files', () => {
  it('finds the bytes of each tensor', async () => {
    const bytes = encodePytorchBin(tensors);
    const found = await read(bytes);
    expect(found.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
      tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    );
    for (const [at, { offset, sizeBytes }] of found.tensors.entries())
      expect(new Uint8Array(bytes.subarray(offset, offset + sizeBytes))).toEqual(tensors[at]?.bytes);
  });

  it('says which tensors do not lie in order', async () => {
    const turned = { ...(tensors[0] as BinTensor), strides: [1, 2] };
    expect((await read(encodePytorchBin([turned]))).tensors[0]?.strides).toEqual([1, 2]);
  });

  it.each<[string, Uint8Array, string]>([
    [
      'a call of the system',
      withPickle(pickle(pickleGlobal('os', 'system'), 'X\x04\0\0\0true', [0x85], 'R.')),
      'file-unsafe',
    ],
    ['a call of eval', withPickle(pickle(pickleGlobal('builtins', 'eval'), ')R.')), 'file-unsafe'],
    [
      'a name from numpy',
      withPickle(pickle(pickleGlobal('numpy.core.multiarray', '_reconstruct'), '.')),
      'file-unsafe',
    ],
    [
      'a name split over a longer module',
      withPickle(pickle(pickleGlobal('torch._utils.x', '_rebuild_tensor_v2'), '.')),
      'file-unsafe',
    ],
    ['STACK_GLOBAL', withPickle(pickle('X\x02\0\0\0osX\x06\0\0\0system', [0x93], '.')), 'file-unsafe'],
    ['INST', withPickle(pickle('(ios\nsystem\n.')), 'file-unsafe'],
    ['OBJ', withPickle(pickle('(o.')), 'file-unsafe'],
    ['an extension', withPickle(pickle([0x82, 1], '.')), 'file-unsafe'],
    ['state for an object', withPickle(pickle('NNb.')), 'file-unsafe'],
    ['a bare pickle', pickle('}.'), 'file-unsafe'],
    ['a bare pickle that is longer', Buffer.concat([pickle('}.'), Buffer.alloc(100)]), 'file-unsafe'],
    [
      'compressed entries',
      storedZip([{ name: 'a/data.pkl', bytes: pickleOfTensors(tensors) }], 8),
      'file-unsafe',
    ],
    ['nothing', new Uint8Array(0), 'file-invalid'],
    ['another kind of file', new Uint8Array(200).fill(7), 'file-invalid'],
    ['a zip without a pickle', storedZip([{ name: 'a/b', bytes: new Uint8Array(2) }]), 'file-invalid'],
    ['a pickle that takes from nothing', withPickle(pickle('R.')), 'file-invalid'],
    ['a pickle without an end', withPickle(pickle('}')), 'file-invalid'],
    ['a pickle that recalls nothing', withPickle(pickle([0x68, 9], '.')), 'file-invalid'],
    ['a huge string', withPickle(pickle('X\xff\xff\xff\x7f')), 'file-invalid'],
    ['a list', withPickle(pickle('].')), 'file-invalid'],
    [
      'a storage that is missing',
      storedZip([{ name: 'a/data.pkl', bytes: pickleOfTensors(tensors) }]),
      'file-invalid',
    ],
    [
      'a shape larger than its storage',
      encodePytorchBin([{ ...(tensors[0] as BinTensor), shape: [200, 300] }]),
      'file-invalid',
    ],
    [
      'strides that leave the storage',
      encodePytorchBin([{ ...(tensors[0] as BinTensor), strides: [1000, 1] }]),
      'file-invalid',
    ],
    [
      'the other byte order',
      storedZip([
        { name: 'a/data.pkl', bytes: pickle('}.') },
        { name: 'a/byteorder', bytes: Buffer.from('big') },
      ]),
      'file-invalid',
    ],
    [
      'an entry twice',
      storedZip([
        { name: 'a/data.pkl', bytes: pickle('}.') },
        { name: 'a/data.pkl', bytes: pickle('}.') },
      ]),
      'file-unsafe',
    ],
  ])('refuses %s', async (_, bytes, code) => {
    await expect(read(bytes)).rejects.toMatchObject({ code });
  });

  it('ends a pickle that repeats itself without end', async () => {
    const endless = Buffer.concat([pickle('}'), Buffer.alloc(6_000_000, 'N0'), Buffer.from('.')]);
    await expect(read(withPickle(endless))).rejects.toBeInstanceOf(AppError);
  });

  it('meets any damage with one clear error', async () => {
    const sound = encodePytorchBin(tensors);
    const change = fc.record({ at: fc.nat(sound.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const bytes = Uint8Array.from(sound);
        for (const { at, byte } of changes) bytes[at] = byte;
        const result = await read(bytes).catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(AppError);
      }),
      { numRuns: 1000 },
    );
  });

  it('meets any pickle with one clear error', async () => {
    const codes = Array.from(
      '()cQRb}]tsuaeqhNJKMXU.\x80\x81\x85\x86\x87\x88\x89\x8a\x8f',
      (code) => code.codePointAt(0) ?? 0,
    );
    const part = fc.oneof(fc.constantFrom(...codes), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 60 }), async (bytes) => {
        const result = await read(withPickle(Uint8Array.from([0x80, 2, ...bytes, 0x2e]))).catch(
          (error: unknown) => error,
        );
        if (result instanceof Error) expect(result).toBeInstanceOf(AppError);
      }),
      { numRuns: 2000 },
    );
  });
});
