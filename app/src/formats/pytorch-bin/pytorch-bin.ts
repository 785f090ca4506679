import type { ByteSource } from '../byte-source.ts';
import { tensorDtypes, valueCount, type StoredTensor } from '../tensor-file.ts';
import { invalidBin } from './pickle-errors.ts';
import type { PickledTensor } from './pickle-values.ts';
import { unpickleStateDict } from './restricted-unpickler.ts';
import { readZipDirectory, zipDataOffset, type ZipEntry } from './zip-directory.ts';

/** A pickled table of names and shapes is small however large the weights are: 10 MB for thousands of tensors. */
const maximumPickleBytes = 32 * 1024 * 1024;

/** What a tensor's storage entry must hold for its shape and strides. */
function extent(tensor: PickledTensor): number {
  if (valueCount(tensor.shape) === 0) return 0;
  return tensor.shape.reduce((last, size, axis) => last + (size - 1) * (tensor.strides[axis] ?? 0), 1);
}

function isContiguous({ shape, strides }: PickledTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    if (size !== 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}

async function locate(
  source: ByteSource,
  tensor: PickledTensor,
  entry: ZipEntry,
  dataOffset: number,
): Promise<StoredTensor> {
  const width = tensorDtypes[tensor.dtype];
  const values = extent(tensor);
  const end = (tensor.storageOffset + values) * width;
  if (!Number.isSafeInteger(end) || end > entry.sizeBytes)
    throw invalidBin(source.name, `${tensor.name} reaches behind the end of its storage`);
  return {
    name: tensor.name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    ...(isContiguous(tensor) ? {} : { strides: tensor.strides }),
    offset: dataOffset + tensor.storageOffset * width,
    sizeBytes: values * width,
  };
}

/**
 * The tensors of a `.bin` that PyTorch 1.6 or later saved. Nothing in the file is executed and no name in it is resolved:
 * the pickle may only build dictionaries, lists and tensors. Older files, which are bare pickles, are refused.
 */
export async function readPytorchBin(
  source: ByteSource,
  signal?: AbortSignal,
): Promise<{ tensors: StoredTensor[] }> {
  const entries = await readZipDirectory(source, signal);
  const pickle = [...entries.values()].find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (!pickle) throw invalidBin(source.name, 'it has no data.pkl');
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  await checkByteOrder(source, entries.get(`${folder}byteorder`), signal);
  if (pickle.sizeBytes > maximumPickleBytes)
    throw invalidBin(source.name, 'its table of tensors is very large');
  const pickleOffset = await zipDataOffset(source, pickle, signal);
  const bytes = await source.read(pickleOffset, pickle.sizeBytes, signal);
  const offsets = new Map<string, number>();
  const tensors: StoredTensor[] = [];
  for (const tensor of unpickleStateDict(source.name, bytes)) {
    const entry = entries.get(`${folder}data/${tensor.storageKey}`);
    if (!entry) throw invalidBin(source.name, `the storage of ${tensor.name} is missing`);
    const offset = offsets.get(entry.name) ?? (await zipDataOffset(source, entry, signal));
    offsets.set(entry.name, offset);
    tensors.push(await locate(source, tensor, entry, offset));
  }
  return { tensors: tensors.toSorted((a, b) => a.offset - b.offset) };
}

async function checkByteOrder(
  source: ByteSource,
  entry: ZipEntry | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (!entry) return;
  if (entry.sizeBytes > 16) throw invalidBin(source.name, 'its byte order is very long');
  const at = await zipDataOffset(source, entry, signal);
  const order = Buffer.from(await source.read(at, entry.sizeBytes, signal))
    .toString('latin1')
    .trim();
  if (order !== 'little') throw invalidBin(source.name, `its byte order is ${order}`);
}
