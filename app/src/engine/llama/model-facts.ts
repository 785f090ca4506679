import { stat } from 'node:fs/promises';
import { AppError } from '../../contracts/app-error.ts';
import { readGguf } from '../../formats/gguf/gguf-reader.ts';
import { ggufNumber, type GgmlType, type GgufFile, type GgufTensor } from '../../formats/gguf/gguf-types.ts';
import { openFileSource } from '../../net/file-source.ts';
import type { ModelSource } from '../engine.ts';

/** What a file says of the memory it will need, read by our own strict reader before any native code opens it. */
export interface ModelFacts {
  architecture: string;
  layers: number;
  trainedContextTokens: number;
  vocabularySize: number;
  embeddingLength: number;
  feedForwardLength: number;
  /** Numbers of keys and of values that one token keeps in one layer. */
  keyLength: number;
  valueLength: number;
  /** Numbers of one head's key. */
  headLength: number;
  weightsBytes: number;
  /** Of the weights, what the CPU lays out anew beside the file. */
  repackedBytes: number;
  /** Of the weights, what belongs to the layers, and so may go to a GPU. */
  layerBytes: number;
  adapterBytes: number;
}

type FileModel = Extract<ModelSource, { kind: 'file' }>;

/** Types that ggml's CPU code lays out anew for its wide instructions, by processor. */
const repackedTypes: Readonly<Record<string, ReadonlySet<GgmlType>>> = {
  x64: new Set(['q4_0', 'q4_k', 'q2_k', 'iq4_nl']),
  arm64: new Set(['q4_0', 'q4_k', 'q5_k', 'q6_k', 'q8_0', 'iq4_nl']),
};
const rowsOfRepacking = 8;
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
      hint: 'Fetch it again with `corral pull`.',
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
    numberOf(file, `${architecture}.${name}`) ?? otherwise;
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
    repackedBytes: sumOf(file.tensors.filter(isRepacked)) + tiedOutputBytes(file),
    layerBytes: sumOf(file.tensors.filter(isOfLayer)),
  };
}

function isRepacked(tensor: GgufTensor): boolean {
  const [columns = 0, rows = 0] = tensor.dimensions;
  const isMatrix = tensor.dimensions.length >= 2 && columns > 1 && rows % rowsOfRepacking === 0;
  return isMatrix && !tensor.name.startsWith('token_embd') && hasRepackedType(tensor);
}

function hasRepackedType(tensor: GgufTensor): boolean {
  return repackedTypes[process.arch]?.has(tensor.type) ?? false;
}

/** Without a head of its own, a model multiplies by its embeddings: those are laid out anew for that. */
function tiedOutputBytes(file: GgufFile): number {
  if (file.tensors.some((tensor) => tensor.name === 'output.weight')) return 0;
  const embeddings = file.tensors.find((tensor) => tensor.name === 'token_embd.weight');
  return embeddings && hasRepackedType(embeddings) ? embeddings.sizeBytes : 0;
}

function vocabularyOf(file: GgufFile): number {
  const tokens = file.metadata.get('tokenizer.ggml.tokens');
  return tokens?.type === 'array' ? tokens.count : 0;
}

function sumOf(tensors: readonly GgufTensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0);
}

/** Some architectures give one number a layer: the largest stands for all. */
function numberOf(file: GgufFile, key: string): number | undefined {
  const entry = file.metadata.get(key);
  if (entry?.type !== 'array') return ggufNumber(file.metadata, key);
  const numbers = (entry.values ?? []).map(Number).filter(Number.isFinite);
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

function textOf(file: GgufFile, key: string, id: string): string {
  const entry = file.metadata.get(key);
  if (entry?.type === 'string' && entry.value !== '') return entry.value;
  throw new AppError('model-file-invalid', `${id} does not say which architecture it has.`);
}
