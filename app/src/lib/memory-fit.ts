/** What decides how much memory a model takes, from a file's header or from a config.json before any download. */
export interface ModelShape {
  weightsBytes: number;
  layers: number;
  headCountKv: number;
  /** Numbers in one key head and one value head. */
  keyLength: number;
  valueLength: number;
  embeddingLength: number;
  feedForwardLength: number;
  vocabularySize: number;
}

export interface MemoryUse {
  weightsBytes: number;
  /** What the engine rewrites for the CPU's instructions and keeps beside the file. */
  repackedBytes: number;
  kvBytes: number;
  computeBytes: number;
  totalBytes: number;
}

export interface MemoryOptions {
  /** Tokens of context of one chat. */
  contextTokens: number;
  /** Chats that are answered at once; each has a context of its own. */
  slots: number;
  kvType: 'f16' | 'q8_0';
  repackedBytes?: number;
}

/** Bytes of one number in the KV cache; q8_0 has a 2-byte scale for 32 of them. */
const kvNumberBytes = { f16: 2, q8_0: 34 / 32 } as const;
/** Tokens that llama.cpp computes at once. */
const batchTokens = 512;
/** Graph, tables and buffers that every model has. */
const fixedComputeBytes = 48 << 20;

/** Keys and values of one token. */
export function kvBytesPerToken(shape: ModelShape, kvType: MemoryOptions['kvType']): number {
  return shape.layers * shape.headCountKv * (shape.keyLength + shape.valueLength) * kvNumberBytes[kvType];
}

export function memoryUse(shape: ModelShape, options: MemoryOptions): MemoryUse {
  const repackedBytes = options.repackedBytes ?? 0;
  const kvBytes = kvBytesPerToken(shape, options.kvType) * options.contextTokens * options.slots;
  const widest = Math.max(shape.vocabularySize, 2 * shape.feedForwardLength + 4 * shape.embeddingLength);
  const computeBytes = batchTokens * 4 * (widest + options.contextTokens) + fixedComputeBytes;
  return {
    weightsBytes: shape.weightsBytes,
    repackedBytes,
    kvBytes,
    computeBytes,
    totalBytes: shape.weightsBytes + repackedBytes + kvBytes + computeBytes,
  };
}

/** `tight` works while nothing else grows: the last eighth of the memory belongs to everything else. */
export function fitOf(needBytes: number, availableBytes: number): 'fits' | 'tight' | 'will-not-fit' {
  if (needBytes > availableBytes) return 'will-not-fit';
  return needBytes > availableBytes * 0.875 ? 'tight' : 'fits';
}
