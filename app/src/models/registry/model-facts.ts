import { AppError } from '../../contracts/app-error.ts';
import type { ModelDetails, ModelRecord } from '../../contracts/models.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { readGguf } from '../../formats/gguf/gguf-reader.ts';
import { type GgufPart, partCount, wholeOf } from '../../formats/gguf/gguf-split.ts';
import { type GgufFile, ggufLargestNumber, ggufNumber, ggufText } from '../../formats/gguf/gguf-types.ts';
import type { ModelShape } from '../../lib/memory-fit.ts';
import { repackedBytes } from '../../lib/repacked-bytes.ts';
import { openFileSource } from '../../net/file-source.ts';

/** What a model file says of itself. */
export type ModelFacts = Pick<
  ModelDetails,
  | 'architecture'
  | 'parameters'
  | 'quantisation'
  | 'trainedContextTokens'
  | 'licence'
  | 'name'
  | 'layers'
  | 'embeddingLength'
  | 'headCount'
  | 'headCountKv'
  | 'vocabularySize'
  | 'tokenizer'
  | 'template'
  | 'tensorCount'
  | 'tensorTypes'
> & {
  shape: ModelShape;
  sizeBytes: number;
  isAdapter: boolean;
  /** Whether it is one of several files that make a model together. */
  isPart: boolean;
};

/** `general.file_type` as llama.cpp numbers it. */
const fileTypes: Record<number, string> = {
  0: 'f32',
  1: 'f16',
  2: 'q4_0',
  3: 'q4_1',
  7: 'q8_0',
  8: 'q5_0',
  9: 'q5_1',
  10: 'q2_k',
  11: 'q3_k_s',
  12: 'q3_k_m',
  13: 'q3_k_l',
  14: 'q4_k_s',
  15: 'q4_k_m',
  16: 'q5_k_s',
  17: 'q5_k_m',
  18: 'q6_k',
  19: 'iq2_xxs',
  20: 'iq2_xs',
  21: 'q2_k_s',
  22: 'iq3_xs',
  23: 'iq3_xxs',
  24: 'iq1_s',
  25: 'iq4_nl',
  26: 'iq3_s',
  27: 'iq3_m',
  28: 'iq2_s',
  29: 'iq2_m',
  30: 'iq4_xs',
  31: 'iq1_m',
  32: 'bf16',
  36: 'tq1_0',
  37: 'tq2_0',
  38: 'mxfp4',
};

/** Reads a GGUF file's header under the strict reader's limits; `model-file-invalid` for anything unsound. */
export async function readModelFacts(path: string, signal?: AbortSignal): Promise<ModelFacts> {
  const source = await openFileSource(path);
  try {
    const file = await readGguf(source, signal === undefined ? {} : { signal });
    return { ...factsOf(file), sizeBytes: source.sizeBytes };
  } finally {
    await source.close();
  }
}

/** A model that an engine could load: not an adapter, not a projector, with layers and a vocabulary. */
export async function readRunnableFacts(path: string, signal?: AbortSignal): Promise<ModelFacts> {
  return checkRunnable(await readModelFacts(path, signal));
}

/** `model-unsupported` for adapters, projectors and bare vocabularies. */
export function checkRunnable(facts: ModelFacts): ModelFacts {
  if (facts.isAdapter) {
    throw new AppError('model-unsupported', 'This GGUF file is a LoRA adapter, not a model.', {
      hint: 'Use `corral adapter add` with `--base`.',
    });
  }
  if (facts.isPart) {
    throw new AppError('model-unsupported', 'This GGUF file is one part of a split model.', {
      hint: 'Give it the name that llama.cpp gave it (…-00001-of-0000N.gguf), beside its other parts.',
    });
  }
  if (facts.layers === 0 || facts.vocabularySize === 0 || facts.architecture === '') {
    throw new AppError('model-unsupported', 'This GGUF file holds no language model.', {
      hint: 'Vocabularies and image projectors are GGUF files as well; name the file with the weights.',
    });
  }
  return facts;
}

export function toRecord(facts: ModelFacts, rest: RecordRest): ModelRecord {
  const { architecture, parameters, quantisation, trainedContextTokens, sizeBytes } = facts;
  return {
    id: rest.id,
    sha256: rest.sha256,
    sizeBytes,
    architecture,
    parameters,
    quantisation,
    trainedContextTokens,
    licence: rest.licence ?? facts.licence,
    origin: rest.origin,
    merged: rest.merged ?? [],
    addedAt: rest.addedAt,
  };
}

export interface RecordRest extends Pick<ModelRecord, 'id' | 'sha256' | 'origin' | 'addedAt'> {
  licence?: string | null;
  merged?: ModelRecord['merged'];
}

type NumberOf = (key: string) => number;

function factsOf(file: GgufFile): Omit<ModelFacts, 'sizeBytes'> {
  const { metadata, tensors } = file;
  const text = (key: string): string => ggufText(metadata, key) ?? '';
  const architecture = text('general.architecture');
  const number: NumberOf = (key) => ggufLargestNumber(metadata, `${architecture}.${key}`) ?? 0;
  const tensorTypes: Record<string, number> = {};
  for (const { type, sizeBytes } of tensors) tensorTypes[type] = (tensorTypes[type] ?? 0) + sizeBytes;
  const headCount = number('attention.head_count');
  const headCountKv = number('attention.head_count_kv') || headCount;
  const shape = shapeOf(file, number, { headCount, headCountKv });
  return {
    architecture,
    parameters: tensors.reduce(
      (sum, { dimensions }) => sum + dimensions.reduce((one, next) => one * next, 1),
      0,
    ),
    quantisation: fileTypes[ggufNumber(metadata, 'general.file_type') ?? -1] ?? largest(tensorTypes),
    trainedContextTokens: number('context_length'),
    licence: text('general.license') || null,
    name: text('general.name'),
    layers: shape.layers,
    embeddingLength: shape.embeddingLength,
    headCount,
    headCountKv,
    vocabularySize: shape.vocabularySize,
    tokenizer: text('tokenizer.ggml.model'),
    template: text('tokenizer.chat_template') || null,
    tensorCount: tensors.length,
    tensorTypes,
    isAdapter: text('general.type') === 'adapter',
    isPart: partCount(file) > 1,
    shape,
  };
}

function shapeOf(
  { metadata, tensors }: GgufFile,
  number: NumberOf,
  { headCount, headCountKv }: Pick<ModelFacts, 'headCount' | 'headCountKv'>,
): ModelShape {
  const embeddingLength = number('embedding_length');
  const headLength = headCount === 0 ? 0 : embeddingLength / headCount;
  const tokens = metadata.get('tokenizer.ggml.tokens');
  return {
    weightsBytes: tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    repackedBytes: repackedBytes(tensors),
    layers: number('block_count'),
    keyLength: headCountKv * (number('attention.key_length') || headLength),
    valueLength: headCountKv * (number('attention.value_length') || headLength),
    embeddingLength,
    feedForwardLength: number('feed_forward_length') || 4 * embeddingLength,
    vocabularySize: tokens?.type === 'array' ? tokens.count : 0,
  };
}

/** The same facts of a file that is still on a server, or of the parts of one: only headers are fetched. */
export async function readRemoteFacts(
  sources: readonly ByteSource[],
  signal?: AbortSignal,
): Promise<ModelFacts> {
  const options = signal === undefined ? {} : { signal };
  const parts: GgufPart[] = [];
  for (const source of sources) parts.push({ source, file: await readGguf(source, options) });
  const sizeBytes = sources.reduce((sum, source) => sum + source.sizeBytes, 0);
  return { ...factsOf(wholeOf(parts)), isPart: false, sizeBytes };
}

function largest(tensorTypes: Record<string, number>): string {
  return Object.entries(tensorTypes).sort(([, one], [, other]) => other - one)[0]?.[0] ?? 'unknown';
}
