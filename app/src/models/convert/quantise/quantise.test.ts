import { describe, expect, it } from 'vitest';
import { ggmlQuantiser } from '../../../../test/fixtures/ggml-library.ts';
import { SeededRandom } from '../../../../test/fixtures/random.ts';
import { ggmlSizeBytes, ggmlTypes } from '../../../formats/gguf/gguf-types.ts';
import { bfloatFromFloat, floatFromBfloat, floatFromHalf, halfFromFloat } from './half.ts';
import * as kBlocks from './twin-k-blocks.ts';
import { mergeLora } from './twin-merge.ts';
import * as smallBlocks from './twin-small-blocks.ts';
import { loadWeightKernels, packPanels, panelFloats, type StoredType } from './weight-kernels.ts';

const kernels = await loadWeightKernels();
const twins = {
  q8_0: smallBlocks.quantiseQ80,
  q4_0: smallBlocks.quantiseQ40,
  q4_1: smallBlocks.quantiseQ41,
  q5_0: smallBlocks.quantiseQ50,
  q5_1: smallBlocks.quantiseQ51,
  q4_k: kBlocks.quantiseQ4K,
  q5_k: kBlocks.quantiseQ5K,
  q6_k: kBlocks.quantiseQ6K,
} as const;
type BlockType = keyof typeof twins;
const blockTypes = Object.keys(twins) as BlockType[];

function place(...arrays: (Float32Array | Uint8Array | Uint16Array)[]): number[] {
  let at = kernels.heapBase;
  const addresses = arrays.map((array) => {
    const address = at;
    at = Math.ceil((at + array.byteLength) / 64) * 64;
    return address;
  });
  kernels.reserve(at + 64);
  arrays.forEach((array, index) =>
    new Uint8Array(kernels.memory.buffer).set(
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
      addresses[index],
    ),
  );
  return addresses;
}

function byKernel(type: Exclude<StoredType, 'f32'>, values: Float32Array, sizeBytes: number): Uint8Array {
  const [source = 0, target = 0] = place(values, new Uint8Array(sizeBytes).fill(0xaa));
  kernels.fromFloat(type, source, target, values.length);
  return new Uint8Array(kernels.memory.buffer, target, sizeBytes).slice();
}

/** Blocks that make quantisers stumble, and plain ones: each is 256 values. */
function edgeCases(): Map<string, Float32Array> {
  const random = new SeededRandom(7);
  const filled = (make: (index: number) => number): Float32Array =>
    Float32Array.from({ length: 256 }, (_, i) => make(i));
  const normal = (deviation: number): Float32Array => random.normals(256, deviation);
  const cases = new Map<string, Float32Array>([
    ['zeros', filled(() => 0)],
    ['negative zeros', filled(() => -0)],
    ['mixed zeros', filled((i) => (i % 3 === 0 ? -0 : 0))],
    ['one constant', filled(() => 0.7)],
    ['one negative constant', filled(() => -0.3)],
    ['a constant per run', filled((i) => Math.floor(i / 16) * 0.01 - 0.07)],
    ['all positive', normal(1).map((value) => Math.abs(value) + 3)],
    ['all negative', normal(1).map((value) => -Math.abs(value) - 3)],
    ['one outlier', normal(0.01).fill(40, 100, 101)],
    ['a negative outlier', normal(0.01).fill(-40, 3, 4)],
    ['equal magnitudes of both signs', filled((i) => (i % 2 === 0 ? 1 : -1))],
    ['one value in nothing', filled((i) => (i === 77 ? 1e-3 : 0))],
    ['subnormals', normal(1).map((value) => value * 1e-41)],
    ['scales without a reciprocal', normal(1).map((value) => value * 1e-38)],
    ['scales below half precision', normal(1).map((value) => value * 1e-9)],
    ['around 1e-15', normal(1).map((value) => value * 1e-15)],
    ['large', normal(9000)],
    ['bf16 rounded', normal(0.02).map((value) => floatFromBfloat(bfloatFromFloat(value)))],
    ['f16 rounded', normal(0.02).map((value) => floatFromHalf(halfFromFloat(value)))],
    ['few levels', normal(1).map((value) => Math.round(value * 2) / 8)],
    ['a ramp', filled((i) => i / 256)],
    ['halves to round', filled((i) => (i - 128) / 2)],
    ['one run of nothing', normal(0.1).fill(0, 64, 96)],
    ['tiny beside large runs', filled((i) => (i < 128 ? 1e-12 : 1) * Math.sin(i * 1.7))],
  ]);
  for (let seed = 0; seed < 40; seed++) cases.set(`normal ${seed}`, normal(0.02 * (1 + seed)));
  return cases;
}

const cases = edgeCases();

describe('quantising', () => {
  it.each(blockTypes)('%s: kernel and twin give the same bytes', (type) => {
    for (const [name, values] of cases) {
      const size = ggmlSizeBytes(type, 256);
      expect(Buffer.compare(byKernel(type, values, size), twins[type](values)), `${type} of ${name}`).toBe(0);
    }
  });

  it('a kernel takes many blocks at once and writes nothing behind them', () => {
    const all = Float32Array.from([...cases.values()].flatMap((values) => [...values]));
    for (const type of blockTypes) {
      const size = ggmlSizeBytes(type, all.length);
      const out = byKernel(type, all, size + 64);
      expect(Buffer.compare(out.subarray(0, size), twins[type](all)), type).toBe(0);
      expect(new Set(out.subarray(size)), type).toEqual(new Set([0xaa]));
    }
  });
});

// arm64's ggml fuses multiply and add, so its bytes are others; ours are x86-64's everywhere.
describe.runIf(process.arch === 'x64')('against the quantiser of the shipped library', () => {
  const quantise = ggmlQuantiser();

  it.each(blockTypes)('%s has the same bytes', (type) => {
    for (const [name, values] of cases) {
      const size = ggmlSizeBytes(type, 256);
      const theirs = quantise(ggmlTypes[type].id, values, 256, size);
      expect(Buffer.compare(byKernel(type, values, size), theirs), `${type} of ${name}`).toBe(0);
    }
  });

  it.each(blockTypes)('%s has the same bytes for 260 000 random weights', (type) => {
    const random = new SeededRandom(11);
    const values = random.normals(1024 * 256, 0.03).map((value, i) => value * (1 + (i >> 12) / 8));
    const size = ggmlSizeBytes(type, values.length);
    const theirs = quantise(ggmlTypes[type].id, values, 1024, size);
    expect(Buffer.compare(byKernel(type, values, size), theirs)).toBe(0);
  });
});

describe('sixteen-bit floats', () => {
  const every = Uint16Array.from({ length: 65_536 }, (_, index) => index);

  it.each(['f16', 'bf16'] as const)('%s widens every value exactly', (type) => {
    const widen = type === 'f16' ? floatFromHalf : floatFromBfloat;
    const [source = 0, target = 0] = place(every, new Float32Array(65_536));
    kernels.toFloat(type, source, target, 65_536);
    const ours = new Float32Array(kernels.memory.buffer, target, 65_536);
    expect(every.findIndex((half, index) => !Object.is(ours[index], widen(half)))).toBe(-1);
  });

  it.each(['f16', 'bf16'] as const)('%s rounds to nearest, ties to even', (type) => {
    const narrow = type === 'f16' ? halfFromFloat : bfloatFromFloat;
    const random = new SeededRandom(3);
    const patterns = Uint32Array.from({ length: 100_003 }, () => random.next() * 2 ** 32);
    const values = new Float32Array(patterns.buffer);
    values.set([
      0,
      -0,
      Infinity,
      -Infinity,
      NaN,
      65504,
      65519.99,
      65520,
      6e-8,
      2.9802322e-8,
      2.98023229e-8,
      6.1e-5,
    ]);
    const out = byKernel(type, values, values.length * 2);
    const halves = new Uint16Array(out.buffer);
    expect(halves.findIndex((half, index) => half !== narrow(values[index] ?? 0))).toBe(-1);
  });

  it('f16 is what JavaScript itself knows as f16', () => {
    const view = new DataView(new ArrayBuffer(2)) as DataView & {
      setFloat16(at: number, value: number): void;
    };
    const random = new SeededRandom(5);
    for (let index = 0; index < 20_000; index++) {
      const value = Math.fround(random.normal() * 10 ** (random.next() * 14 - 9));
      view.setFloat16(0, value);
      expect(halfFromFloat(value)).toBe(view.getUint16(0));
    }
  });
});

describe('the finite check', () => {
  it('gives the largest magnitude', () => {
    const values = new SeededRandom(4).normals(1003, 2);
    values[1001] = -77;
    const [source = 0] = place(values);
    expect(kernels.largest(source, values.length)).toBe(77);
  });

  it.each([NaN, Infinity, -Infinity])('finds %d anywhere', (bad) => {
    for (const at of [0, 5, 998, 1002]) {
      const values = new SeededRandom(4).normals(1003, 2);
      values[at] = bad;
      const [source = 0] = place(values);
      expect(kernels.largest(source, values.length)).toBe(Infinity);
    }
  });
});

describe('merging', () => {
  it.each([
    [8, 128, 64],
    [7, 136, 3],
    [5, 13, 1],
    [4, 1024, 16],
    [1, 9, 2],
    [37, 344, 8],
  ])('of %d rows, %d columns, rank %d: kernel and twin give the same bytes', (rows, columns, rank) => {
    const random = new SeededRandom(rows * columns);
    const weights = random.normals(rows * columns, 1);
    const a = random.normals(rank * columns, 1);
    const b = random.normals(rows * rank, 1);
    const panels = new Float32Array(panelFloats(rank, columns));
    packPanels(a, rank, columns, panels);
    const [at = 0, atB = 0, atA = 0] = place(weights, b, panels);
    kernels.merge({ weights: at, b: atB, a: atA, rows, columns, rank });
    const merged = new Float32Array(kernels.memory.buffer, at, weights.length).slice();
    mergeLora(weights, b, a, rank);
    expect(merged).toEqual(weights);
  });
});
