import { AppError } from '../../contracts/app-error.ts';
import type { ByteCursor } from '../byte-cursor.ts';
import type { ByteSource } from '../byte-source.ts';
import { ggmlTypes, padTo, type GgmlType, type GgufTensor } from './gguf-types.ts';

export interface RawTensor {
  name: string;
  dimensions: number[];
  type: GgmlType;
  /** From the start of the tensors' bytes. */
  relativeOffset: bigint;
  sizeBytes: number;
}

const maximumDimensions = 4;
const typeById = new Map(Object.entries(ggmlTypes).map(([name, { id }]) => [id as number, name as GgmlType]));

function invalid(file: string, tensor: string, why: string): AppError {
  return new AppError(
    'model-file-invalid',
    `${file} is not a sound GGUF file: the tensor ${tensor} ${why}.`,
    {
      hint: 'Fetch the file again; if it stays like this, the file itself is damaged or hostile.',
    },
  );
}

/** Sizes are computed as bigint: their products come from the file and must not wrap. */
function checkedSize(file: string, name: string, dimensions: readonly bigint[], type: GgmlType): number {
  const { blockValues, blockBytes } = ggmlTypes[type];
  const row = dimensions[0] ?? 1n;
  if (row % BigInt(blockValues) !== 0n)
    throw invalid(file, name, `has rows of ${row}, not whole blocks of ${blockValues}`);
  const values = dimensions.reduce((product, dimension) => product * dimension, 1n);
  const bytes = (values / BigInt(blockValues)) * BigInt(blockBytes);
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(file, name, `has ${bytes} bytes`);
  return Number(bytes);
}

export async function readTensor(cursor: ByteCursor, name: string, file: string): Promise<RawTensor> {
  await cursor.need(4);
  const dimensionCount = cursor.u32();
  if (dimensionCount < 1 || dimensionCount > maximumDimensions)
    throw invalid(file, name, `has ${dimensionCount} dimensions`);
  await cursor.need(dimensionCount * 8 + 12);
  const dimensions = Array.from({ length: dimensionCount }, () => cursor.u64());
  const wrong = dimensions.find((dimension) => dimension < 1n || dimension > BigInt(Number.MAX_SAFE_INTEGER));
  if (wrong !== undefined) throw invalid(file, name, `has a dimension of ${wrong}`);
  const typeId = cursor.u32();
  const type = typeById.get(typeId);
  if (!type) throw invalid(file, name, `has type ${typeId}, which is not known`);
  const sizeBytes = checkedSize(file, name, dimensions, type);
  return { name, dimensions: dimensions.map(Number), type, relativeOffset: cursor.u64(), sizeBytes };
}

export interface TensorLayout {
  dataOffset: number;
  alignment: number;
  source: ByteSource;
}

/** Tensors follow each other without a gap, as llama.cpp demands, and the last one ends inside the file. */
export function checkTensorLayout(raw: readonly RawTensor[], layout: TensorLayout): GgufTensor[] {
  const { dataOffset, alignment, source } = layout;
  let expected = 0;
  return raw.map(({ relativeOffset, ...tensor }) => {
    if (relativeOffset !== BigInt(expected))
      throw invalid(source.name, tensor.name, `begins at ${relativeOffset} where ${expected} is its place`);
    const offset = dataOffset + expected;
    if (offset + tensor.sizeBytes > source.sizeBytes)
      throw invalid(source.name, tensor.name, `ends behind the end of the file`);
    expected += padTo(tensor.sizeBytes, alignment);
    return { ...tensor, offset };
  });
}
