/** The shapes of GGUF files that the reader gives and the writer takes. */

export const ggufNumberTypes = {
  u8: { id: 0, bytes: 1 },
  i8: { id: 1, bytes: 1 },
  u16: { id: 2, bytes: 2 },
  i16: { id: 3, bytes: 2 },
  u32: { id: 4, bytes: 4 },
  i32: { id: 5, bytes: 4 },
  f32: { id: 6, bytes: 4 },
  bool: { id: 7, bytes: 1 },
  u64: { id: 10, bytes: 8 },
  i64: { id: 11, bytes: 8 },
  f64: { id: 12, bytes: 8 },
} as const;

export const ggufStringId = 8;
export const ggufArrayId = 9;

export type GgufNumberType = keyof typeof ggufNumberTypes;
export type GgufElementType = GgufNumberType | 'string';
export type GgufScalar = number | bigint | boolean | string;

export interface GgufArray {
  type: 'array';
  elementType: GgufElementType;
  count: number;
  /** Null where the reader was told not to keep an array this long. */
  values: readonly GgufScalar[] | null;
}

export type GgufEntry =
  | { type: 'string'; value: string }
  | { type: 'bool'; value: boolean }
  | { type: Exclude<GgufNumberType, 'bool'>; value: number | bigint }
  | GgufArray;

export type GgufMetadata = Map<string, GgufEntry>;

/** Tensor types: number in the file, values of one block, bytes of one block. */
export const ggmlTypes = {
  f32: { id: 0, blockValues: 1, blockBytes: 4 },
  f16: { id: 1, blockValues: 1, blockBytes: 2 },
  q4_0: { id: 2, blockValues: 32, blockBytes: 18 },
  q4_1: { id: 3, blockValues: 32, blockBytes: 20 },
  q5_0: { id: 6, blockValues: 32, blockBytes: 22 },
  q5_1: { id: 7, blockValues: 32, blockBytes: 24 },
  q8_0: { id: 8, blockValues: 32, blockBytes: 34 },
  q8_1: { id: 9, blockValues: 32, blockBytes: 36 },
  q2_k: { id: 10, blockValues: 256, blockBytes: 84 },
  q3_k: { id: 11, blockValues: 256, blockBytes: 110 },
  q4_k: { id: 12, blockValues: 256, blockBytes: 144 },
  q5_k: { id: 13, blockValues: 256, blockBytes: 176 },
  q6_k: { id: 14, blockValues: 256, blockBytes: 210 },
  q8_k: { id: 15, blockValues: 256, blockBytes: 292 },
  iq2_xxs: { id: 16, blockValues: 256, blockBytes: 66 },
  iq2_xs: { id: 17, blockValues: 256, blockBytes: 74 },
  iq3_xxs: { id: 18, blockValues: 256, blockBytes: 98 },
  iq1_s: { id: 19, blockValues: 256, blockBytes: 50 },
  iq4_nl: { id: 20, blockValues: 32, blockBytes: 18 },
  iq3_s: { id: 21, blockValues: 256, blockBytes: 110 },
  iq2_s: { id: 22, blockValues: 256, blockBytes: 82 },
  iq4_xs: { id: 23, blockValues: 256, blockBytes: 136 },
  i8: { id: 24, blockValues: 1, blockBytes: 1 },
  i16: { id: 25, blockValues: 1, blockBytes: 2 },
  i32: { id: 26, blockValues: 1, blockBytes: 4 },
  i64: { id: 27, blockValues: 1, blockBytes: 8 },
  f64: { id: 28, blockValues: 1, blockBytes: 8 },
  iq1_m: { id: 29, blockValues: 256, blockBytes: 56 },
  bf16: { id: 30, blockValues: 1, blockBytes: 2 },
  tq1_0: { id: 34, blockValues: 256, blockBytes: 54 },
  tq2_0: { id: 35, blockValues: 256, blockBytes: 66 },
  mxfp4: { id: 39, blockValues: 32, blockBytes: 17 },
  nvfp4: { id: 40, blockValues: 64, blockBytes: 36 },
  q1_0: { id: 41, blockValues: 128, blockBytes: 18 },
  q2_0: { id: 42, blockValues: 64, blockBytes: 18 },
} as const;

export type GgmlType = keyof typeof ggmlTypes;

export interface GgufTensor {
  name: string;
  /** As the file has them: the first one is contiguous. */
  dimensions: readonly number[];
  type: GgmlType;
  /** From the start of the file. */
  offset: number;
  sizeBytes: number;
}

export interface GgufFile {
  version: number;
  metadata: GgufMetadata;
  /** Where each entry's bytes are, its name included: to copy one as it stands. */
  entryPlaces: Map<string, { offset: number; sizeBytes: number }>;
  tensors: GgufTensor[];
  alignment: number;
  /** Where the tensors' bytes begin. */
  dataOffset: number;
}

export const ggufMagic = 0x46554747;
export const ggufDefaultAlignment = 32;

export function padTo(size: number, alignment: number): number {
  return Math.ceil(size / alignment) * alignment;
}

/** Bytes of `values` numbers; a caller has checked that they fill whole blocks. */
export function ggmlSizeBytes(type: GgmlType, values: number): number {
  const { blockValues, blockBytes } = ggmlTypes[type];
  return (values / blockValues) * blockBytes;
}

export function ggufText(metadata: GgufMetadata, key: string): string | undefined {
  const entry = metadata.get(key);
  return entry?.type === 'string' ? entry.value : undefined;
}

export function ggufNumber(metadata: GgufMetadata, key: string): number | undefined {
  const entry = metadata.get(key);
  if (!entry || entry.type === 'string' || entry.type === 'bool' || entry.type === 'array') return undefined;
  return Number(entry.value);
}

/** Some architectures give one number a layer: the largest stands for all. */
export function ggufLargestNumber(metadata: GgufMetadata, key: string): number | undefined {
  const entry = metadata.get(key);
  if (entry?.type !== 'array') return ggufNumber(metadata, key);
  const numbers = (entry.values ?? []).map(Number).filter(Number.isFinite);
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}
