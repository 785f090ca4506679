import { AppError } from '../../contracts/app-error.ts';
import type { ByteSource } from '../byte-source.ts';
import { isJsonObject, parseJsonObject, type JsonObject } from '../json-object.ts';
import { tensorDtypes, type StoredTensor, type TensorDtype } from '../tensor-file.ts';

/** What a safetensors file may ask of this reader. */
export const safetensorsLimits = {
  /** The Hub's own reader stops here too; the headers of the largest models' shards are below 1 MB. */
  maximumHeaderBytes: 25 * 1024 * 1024,
  /** Mixture-of-experts shards have below 20 000. */
  maximumTensors: 100_000,
  maximumNameLength: 1024,
  maximumDimensions: 8,
  /** Index of the largest sharded models: below 10 MB. */
  maximumIndexBytes: 32 * 1024 * 1024,
} as const;

const dtypeByName: Readonly<Record<string, TensorDtype>> = {
  F64: 'f64',
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  I64: 'i64',
  I32: 'i32',
  I16: 'i16',
  I8: 'i8',
  U64: 'u64',
  U32: 'u32',
  U16: 'u16',
  U8: 'u8',
  BOOL: 'bool',
  F8_E4M3: 'f8_e4m3',
  F8_E5M2: 'f8_e5m2',
};

function invalid(name: string, why: string): AppError {
  return new AppError('file-invalid', `${name} is not a sound safetensors file: ${why}.`, {
    hint: 'Fetch the file again; if it stays like this, the file itself is damaged or hostile.',
  });
}

export interface SafetensorsFile {
  /** In the order of their bytes. */
  tensors: StoredTensor[];
  metadata: JsonObject;
  dataOffset: number;
}

/** Reads the header and checks that the tensors fill the rest of the file without gap or overlap. */
export async function readSafetensors(source: ByteSource, signal?: AbortSignal): Promise<SafetensorsFile> {
  const { name } = source;
  if (source.sizeBytes < 8) throw invalid(name, 'it is shorter than 8 bytes');
  const first = await source.read(0, 8, signal);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(safetensorsLimits.maximumHeaderBytes))
    throw invalid(name, `its header would have ${length} bytes`);
  const dataOffset = 8 + Number(length);
  if (dataOffset > source.sizeBytes) throw invalid(name, 'it ends in the middle of its header');
  const bytes = await source.read(8, Number(length), signal);
  if (bytes[0] !== 0x7b) throw invalid(name, 'its header does not begin with {');
  const { __metadata__: metadata, ...header } = parseJsonObject(
    name,
    bytes,
    safetensorsLimits.maximumHeaderBytes,
  );
  const entries = Object.entries(header);
  if (entries.length > safetensorsLimits.maximumTensors)
    throw invalid(name, `it has ${entries.length} tensors`);
  const tensors = entries.map(([tensor, entry]) => readEntry(name, tensor, entry, dataOffset));
  tensors.sort((a, b) => a.offset - b.offset || a.sizeBytes - b.sizeBytes);
  checkNoGaps(source, tensors, dataOffset);
  return { tensors, metadata: isJsonObject(metadata) ? metadata : {}, dataOffset };
}

function readEntry(file: string, name: string, entry: unknown, dataOffset: number): StoredTensor {
  if (name.length === 0 || name.length > safetensorsLimits.maximumNameLength)
    throw invalid(file, 'a tensor has no name or a very long one');
  if (!isJsonObject(entry)) throw invalid(file, `${name} is not described by an object`);
  const dtype = typeof entry['dtype'] === 'string' ? dtypeByName[entry['dtype']] : undefined;
  if (!dtype) throw invalid(file, `${name} has the type ${String(entry['dtype'])}, which is not known`);
  const shape = wholeNumbers(entry['shape'], safetensorsLimits.maximumDimensions);
  const offsets = wholeNumbers(entry['data_offsets'], 2);
  const [begin, end] = offsets ?? [];
  if (!shape || begin === undefined || end === undefined || begin > end)
    throw invalid(file, `${name} has no sound shape and offsets`);
  const sizeBytes = shape.reduce(
    (product, dimension) => product * BigInt(dimension),
    BigInt(tensorDtypes[dtype]),
  );
  if (sizeBytes !== BigInt(end - begin))
    throw invalid(file, `${name} has ${end - begin} bytes where its shape needs ${sizeBytes}`);
  return { name, dtype, shape, offset: dataOffset + begin, sizeBytes: end - begin };
}

function wholeNumbers(value: unknown, maximumLength: number): number[] | undefined {
  if (!Array.isArray(value) || value.length > maximumLength) return undefined;
  const numbers = value as unknown[];
  return numbers.every((item): item is number => Number.isSafeInteger(item) && Number(item) >= 0)
    ? numbers
    : undefined;
}

function checkNoGaps(source: ByteSource, tensors: readonly StoredTensor[], dataOffset: number): void {
  let at = dataOffset;
  for (const tensor of tensors) {
    if (tensor.offset !== at)
      throw invalid(source.name, `before ${tensor.name} there is a gap or an overlap`);
    at += tensor.sizeBytes;
  }
  if (at !== source.sizeBytes)
    throw invalid(source.name, `it has ${source.sizeBytes} bytes where its header describes ${at}`);
}

const shardName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/** The shards that an index file names (`model.safetensors.index.json`, `pytorch_model.bin.index.json`). */
export function readShardIndex(
  name: string,
  bytes: Uint8Array,
): { shards: string[]; tensors: Map<string, string> } {
  const index = parseJsonObject(name, bytes, safetensorsLimits.maximumIndexBytes);
  const map = index['weight_map'];
  if (!isJsonObject(map)) throw new AppError('file-invalid', `${name} has no weight_map.`);
  const tensors = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || !shardName.test(shard))
      throw new AppError('file-invalid', `${name} names a shard that is not a plain file name.`);
    tensors.set(tensor, shard);
  }
  return { shards: [...new Set(tensors.values())].toSorted(), tensors };
}
