/** What decides how much memory a model takes, from a file's header or from a config.json before any download. */
export interface ModelShape {
  weightsBytes: number;
  /** Of the weights, what the CPU lays out anew beside the file. */
  repackedBytes: number;
  layers: number;
  /** Numbers of keys and of values that one token keeps in one layer. */
  keyLength: number;
  valueLength: number;
  embeddingLength: number;
  feedForwardLength: number;
  vocabularySize: number;
}

export interface MemoryUse {
  weightsBytes: number;
  repackedBytes: number;
  kvBytes: number;
  computeBytes: number;
  totalBytes: number;
}

export interface CacheSize {
  /** Cells of the KV cache; the whole cache is in memory from its creation on. */
  kvTokens: number;
  kvType: 'f16' | 'q8_0';
}

/** Bytes of one number in the KV cache; q8_0 has a 2-byte scale for 32 of them. */
const kvNumberBytes = { f16: 2, q8_0: 34 / 32 } as const;
/** Node itself, the libraries, the vocabulary's tables. */
const processBytes = 110 << 20;
/** The library reads a prompt in pieces of so many tokens, and keeps so many rows of logits. */
const physicalBatch = 128;
const logitRows = 64;

/** Keys and values of one token. */
export function kvBytesPerToken(
  shape: Pick<ModelShape, 'layers' | 'keyLength' | 'valueLength'>,
  kvType: CacheSize['kvType'],
): number {
  return shape.layers * (shape.keyLength + shape.valueLength) * kvNumberBytes[kvType];
}

/** With nothing on a GPU. */
export function memoryUse(shape: ModelShape, cache: CacheSize): MemoryUse {
  const { weightsBytes, repackedBytes } = shape;
  const kvBytes = kvBytesPerToken(shape, cache.kvType) * cache.kvTokens;
  const computeBytes = computeBytesOf(shape);
  const totalBytes = weightsBytes + repackedBytes + kvBytes + computeBytes;
  return { weightsBytes, repackedBytes, kvBytes, computeBytes, totalBytes };
}

function computeBytesOf(shape: ModelShape): number {
  const activations = physicalBatch * (6 * shape.embeddingLength + 3 * shape.feedForwardLength) * 4;
  const logits = (physicalBatch + logitRows) * shape.vocabularySize * 4;
  return processBytes + activations + logits;
}

/** `tight` works while nothing else grows: the last eighth of the memory belongs to everything else. */
export function fitOf(needBytes: number, availableBytes: number): 'fits' | 'tight' | 'will-not-fit' {
  if (needBytes > availableBytes) return 'will-not-fit';
  return needBytes > availableBytes * 0.875 ? 'tight' : 'fits';
}
