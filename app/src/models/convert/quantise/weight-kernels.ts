import { readFile } from 'node:fs/promises';

/** The types that a conversion writes. */
export type StoredType =
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'q8_0'
  | 'q4_0'
  | 'q4_1'
  | 'q5_0'
  | 'q5_1'
  | 'q4_k'
  | 'q5_k'
  | 'q6_k';

type Transform = (source: number, target: number, count: number) => void;

interface KernelExports {
  heapBase(): number;
  halfToFloat: Transform;
  bfloatToFloat: Transform;
  floatToHalf: Transform;
  floatToBfloat: Transform;
  quantiseQ80: Transform;
  quantiseQ40: Transform;
  quantiseQ41: Transform;
  quantiseQ50: Transform;
  quantiseQ51: Transform;
  quantiseQ4K: Transform;
  quantiseQ5K: Transform;
  quantiseQ6K: Transform;
  largestBits(source: number, count: number): number;
  mergeLora(weights: number, b: number, a: number, rows: number, columns: number, rank: number): void;
}

export interface MergeOperands {
  /** rows × columns, changed in place. */
  weights: number;
  /** rows × rank, scaled already. */
  b: number;
  /** In panels: see `packPanels`. */
  a: number;
  rows: number;
  columns: number;
  rank: number;
}

/** The kernels over a memory of their own; addresses are bytes in that memory and stay valid when it grows. */
export interface WeightKernels {
  readonly memory: WebAssembly.Memory;
  /** The first byte that callers may use, a multiple of 64. */
  readonly heapBase: number;
  /** Makes every address below `bytes` usable. */
  reserve(bytes: number): void;
  toFloat(type: 'f16' | 'bf16', source: number, target: number, count: number): void;
  /** From f32; `f32` itself is not a conversion. Counts are whole blocks of the type. */
  fromFloat(type: Exclude<StoredType, 'f32'>, source: number, target: number, count: number): void;
  merge(operands: MergeOperands): void;
  /** The largest magnitude; infinite where a value is infinite or not a number. */
  largest(source: number, count: number): number;
}

const pageBytes = 65_536;
const modulePath = new URL('../../../../kernels/weights.wasm', import.meta.url);
let compiled: Promise<WebAssembly.Module> | undefined;

async function compile(): Promise<WebAssembly.Module> {
  return await WebAssembly.compile(await readFile(modulePath));
}

export async function loadWeightKernels(): Promise<WeightKernels> {
  compiled ??= compile();
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = await WebAssembly.instantiate(await compiled, { env: { memory } });
  const kernels = instance.exports as unknown as KernelExports;
  const byType: Record<Exclude<StoredType, 'f32'>, Transform> = {
    f16: kernels.floatToHalf,
    bf16: kernels.floatToBfloat,
    q8_0: kernels.quantiseQ80,
    q4_0: kernels.quantiseQ40,
    q4_1: kernels.quantiseQ41,
    q5_0: kernels.quantiseQ50,
    q5_1: kernels.quantiseQ51,
    q4_k: kernels.quantiseQ4K,
    q5_k: kernels.quantiseQ5K,
    q6_k: kernels.quantiseQ6K,
  };
  return {
    memory,
    heapBase: Math.ceil(kernels.heapBase() / 64) * 64,
    reserve: (bytes) => {
      const missing = bytes - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    },
    toFloat: (type, source, target, count) =>
      (type === 'f16' ? kernels.halfToFloat : kernels.bfloatToFloat)(source, target, count),
    fromFloat: (type, source, target, count) => byType[type](source, target, count),
    merge: ({ weights, b, a, rows, columns, rank }) => kernels.mergeLora(weights, b, a, rows, columns, rank),
    largest: (source, count) => {
      const bits = kernels.largestBits(source, count);
      if (bits >>> 0 >= 0x7f800000) return Infinity;
      return new Float32Array(Uint32Array.of(bits).buffer)[0] ?? 0;
    },
  };
}

/** Floats that `packPanels` writes for a rank × columns matrix. */
export function panelFloats(rank: number, columns: number): number {
  return Math.ceil(columns / 8) * 8 * rank;
}

/** Lays a rank × columns matrix out as `merge` reads it: for each 8 columns, all ranks, 8 floats each. */
export function packPanels(a: Float32Array, rank: number, columns: number, out: Float32Array): void {
  for (let panel = 0; panel * 8 < columns; panel++)
    for (let k = 0; k < rank; k++) {
      const from = k * columns + panel * 8;
      const to = (panel * rank + k) * 8;
      const width = Math.min(8, columns - panel * 8);
      for (let column = 0; column < width; column++) out[to + column] = a[from + column] ?? 0;
    }
}
