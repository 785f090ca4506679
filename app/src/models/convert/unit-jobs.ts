import type { ErrorBody } from '../../contracts/app-error.ts';
import type { Addition } from './adapters/open-adapter.ts';
import type { FloatDtype } from './planned-tensors.ts';
import type { StoredType } from './quantise/weight-kernels.ts';
import type { Strides } from './strided-values.ts';

/** What a worker thread is told once. */
export interface WorkerSetup {
  /** The unfinished result, which every worker writes into at its own places. */
  outputPath: string;
  tensors: WorkerTensor[];
}

export interface WorkerTensor {
  name: string;
  type: StoredType;
  dtype: FloatDtype;
  columns: number;
  /** Where the values do not lie one after the other; such a unit comes with a path. */
  strides?: Strides;
  /** Width of heads whose halves are woven into each other; 0: rows stay in order. */
  wovenHeadWidth: number;
  additions: Addition[];
}

/** One piece of work. */
export interface UnitJob {
  unit: number;
  tensor: number;
  sourceRow: number;
  rows: number;
  /** The bytes themselves, or where to read them. */
  bytes?: ArrayBuffer;
  path?: string;
  /** Of the first value. */
  sourceOffset: number;
  /** Of the values alone. */
  sourceBytes: number;
  targetOffset: number;
}

export type UnitAnswer =
  | { unit: number; crc: number; sizeBytes: number }
  | { unit: number; error: ErrorBody };
