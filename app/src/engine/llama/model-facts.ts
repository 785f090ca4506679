import { stat } from 'node:fs/promises';
import { AppError } from '../../contracts/app-error.ts';
import { readGguf } from '../../formats/gguf/gguf-reader.ts';
import { ggufLargestNumber, type GgufFile, type GgufTensor } from '../../formats/gguf/gguf-types.ts';
import type { ModelShape } from '../../lib/memory-fit.ts';
import { repackedBytes } from '../../lib/repacked-bytes.ts';
import { openFileSource } from '../../net/file-source.ts';
import type { ModelSource } from '../engine.ts';

/** What a file says of the memory it will need, read by our own strict reader before any native code opens it. */
export interface ModelFacts extends ModelShape {
  architecture: string;
  trainedContextTokens: number;
  /** Numbers of one head's key. */
  headLength: number;
  /** Of the weights, what belongs to the layers, and so may go to a GPU. */
  layerBytes: number;
  adapterBytes: number;
}

type FileModel = Extract<ModelSource, { kind: 'file' }>;

const keptFacts = 16;
const known = new Map<string, ModelFacts>();

/** Rejects with `model-file-invalid` where the file is not what a GGUF must be. Cheap for a file read before. */
export async function readModelFacts(source: FileModel, signal?: AbortSignal): Promise<ModelFacts> {
  const key = await identityOf(source);
  const before = known.get(key);
  if (before) return before;
  const facts = factsOf(await readStrictly(source.path, signal), source.id);
  let adapterBytes = 0;
  for (const adapter of source.adapters) adapterBytes += await sizeOf(adapter.path);
  const found = { ...facts, adapterBytes };
  known.set(key, found);
  const oldest = known.keys().next();
  if (known.size > keptFacts && oldest.done !== true) known.delete(oldest.value);
  return found;
}

/** Reads and checks all that stands before the tensors, and that the tensors lie inside the file. */
export async function readStrictly(path: string, signal?: AbortSignal): Promise<GgufFile> {
  const source = await openFileSource(path);
  try {
    return await readGguf(source, signal ? { signal } : {});
  } finally {
    await source.close();
  }
}

async function identityOf(source: FileModel): Promise<string> {
  const { size, mtimeMs } = await statOf(source.path);
  return JSON.stringify([source.path, size, mtimeMs, source.adapters.map((adapter) => adapter.path)]);
}

async function statOf(path: string): Promise<{ size: number; mtimeMs: number }> {
  try {
    return await stat(path);
  } catch (cause) {
    throw new AppError('model-unknown', 'The file of this model is not there any more.', {
      hint: 'Get it again with `corral pull`, or with `corral import` where it came from this machine.',
      cause,
    });
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

function factsOf(file: GgufFile, id: string): Omit<ModelFacts, 'adapterBytes'> {
  const architecture = textOf(file, 'general.architecture', id);
  const number = (name: string, otherwise: number): number =>
    ggufLargestNumber(file.metadata, `${architecture}.${name}`) ?? otherwise;
  const embeddingLength = number('embedding_length', 0);
  const heads = Math.max(1, number('attention.head_count', 1));
  const keyValueHeads = number('attention.head_count_kv', heads);
  const evenLength = embeddingLength / heads;
  const headLength = number('attention.key_length', evenLength);
  const layers = number('block_count', 0);
  const isOfLayer = (tensor: GgufTensor): boolean => tensor.name.startsWith('blk.');
  return {
    architecture,
    layers,
    embeddingLength,
    trainedContextTokens: number('context_length', 0),
    vocabularySize: vocabularyOf(file),
    feedForwardLength: number('feed_forward_length', 4 * embeddingLength),
    keyLength: keyValueHeads * headLength,
    valueLength: keyValueHeads * number('attention.value_length', evenLength),
    headLength,
    weightsBytes: sumOf(file.tensors),
    repackedBytes: repackedBytes(file.tensors),
    layerBytes: sumOf(file.tensors.filter(isOfLayer)),
  };
}

function vocabularyOf(file: GgufFile): number {
  const tokens = file.metadata.get('tokenizer.ggml.tokens');
  return tokens?.type === 'array' ? tokens.count : 0;
}

function sumOf(tensors: readonly GgufTensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0);
}

function textOf(file: GgufFile, key: string, id: string): string {
  const entry = file.metadata.get(key);
  if (entry?.type === 'string' && entry.value !== '') return entry.value;
  throw new AppError('model-file-invalid', `${id} does not say which architecture it has.`);
}
