import type { GgufEntry } from '../../../formats/gguf/gguf-types.ts';
import type { JsonObject } from '../../../formats/json-object.ts';
import type { ModelConfig } from './model-config.ts';

/** How the rows of a tensor move on their way into the file. */
export type RowOrder =
  | { kind: 'same' }
  /** Within each head, the two halves are woven into each other: what llama.cpp's rotation expects of a llama. */
  | { kind: 'woven'; headWidth: number }
  /** Groups of queries with a key and a value each become all queries, all keys, all values. */
  | { kind: 'groups'; headWidth: number; queriesPerGroup: number; groups: number };

export interface ArchitectureTensor {
  /** Hugging Face's name. */
  source: string;
  /** GGUF's name. */
  name: string;
  /** PyTorch's order. */
  shape: readonly number[];
  rows: RowOrder;
  /** Models of this family may lack it. */
  isOptional?: boolean;
}

export interface ExtraTensor {
  name: string;
  values: Float32Array;
}

/** One family of models: everything about it that a conversion must know. */
export interface Architecture {
  readonly name: 'llama' | 'falcon' | 'qwen2' | 'qwen3';
  /** As config.json's `architectures` names them. */
  readonly classes: readonly string[];
  readonly embeddingSource: string;
  readConfig(raw: JsonObject): ModelConfig;
  /** Hyperparameters, without `general.*` and the vocabulary. */
  entries(config: ModelConfig): [string, GgufEntry][];
  tensors(config: ModelConfig): ArchitectureTensor[];
  /** Tensors that are computed from the config. */
  extras(config: ModelConfig): ExtraTensor[];
  /** Whether a tensor of the repository holds nothing that the file needs. */
  isDropped(source: string): boolean;
}

export const sameRows: RowOrder = { kind: 'same' };
