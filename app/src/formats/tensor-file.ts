/** What safetensors and PyTorch files have in common for whoever reads weights from them. */

export const tensorDtypes = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u64: 8,
  u32: 4,
  u16: 2,
  u8: 1,
  bool: 1,
  f8_e4m3: 1,
  f8_e5m2: 1,
} as const;

export type TensorDtype = keyof typeof tensorDtypes;

export interface StoredTensor {
  name: string;
  dtype: TensorDtype;
  /** PyTorch's order: the last one is contiguous unless `strides` says otherwise. */
  shape: readonly number[];
  /** In values; absent where the values lie one after the other. */
  strides?: readonly number[];
  /** From the start of the file. */
  offset: number;
  /** From `offset` to behind the last value. */
  sizeBytes: number;
}

export function valueCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
