import type { Quantisation } from '../../contracts/models.ts';
import type { ByteSource } from '../../formats/byte-source.ts';

/** The files of a Hugging Face repository, wherever they are: a folder, a cache, the Hub. */
export interface RepositoryFiles {
  /** For messages and provenance: `huggyllama/llama-7b`, the name of a folder. */
  readonly name: string;
  /** Commit of the repository where there is one; part of what makes a conversion the same one. */
  readonly commit?: string;
  /** Where there is no commit: another one as soon as a file has changed, so that no conversion goes on from the old. */
  readonly version?: string;
  readonly licence?: string;
  /** Every file, by its path in the repository. */
  readonly names: readonly string[];
  /** A small file as a whole; undefined where the repository has none of that name. */
  bytes(name: string, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  shard(name: string): Promise<WeightShard>;
}

/** One file of weights. */
export interface WeightShard {
  /** `read` for headers; `stream` for the body, which is then read once and in order. */
  source: ByteSource;
  /** Where the whole file is on this machine: worker threads then read it themselves, and `stream` is not used. */
  path?: string;
  /** What the Hub says the file's hash is: a streamed shard is checked against it before the result appears. */
  sha256?: string;
}

export interface ConvertAdapter {
  /** A PEFT repository. Its weights must be on this machine (`path`). */
  files: RepositoryFiles;
  weight: number;
}

export interface PlanOptions {
  base: RepositoryFiles;
  /** Merged in this order, delta added in f32 before quantising. */
  adapters: readonly ConvertAdapter[];
  quantisation: Quantisation;
  /** Name to write into the file; absent: from the repositories' names. */
  modelName?: string;
  /** Written into the file whatever the repository has. */
  chatTemplate?: string;
  signal?: AbortSignal;
}

export interface ConvertOptions extends PlanOptions {
  /** Where the finished file appears, complete or not at all; `OUTPUT.part` is used until then. */
  output: string;
  /** Append-only record of what is done; deleted with success. The next run with the same input goes on from it. */
  journal: string;
  /** Brings one of the summary's `scatteredFiles` to this machine; absent: a base that has any is refused. */
  bringHere?: (name: string) => Promise<WeightShard>;
  /** Threads; absent: one for each core that is free. */
  workers?: number;
}

/** What is known before any weight is read. */
export interface ConversionSummary {
  /** GGUF's name: llama, falcon, qwen2, qwen3. */
  architecture: string;
  quantisation: Quantisation;
  /** Size of the finished file. */
  outputBytes: number;
  /** Of the finished file, its weights, and what of them the CPU lays out anew beside it. */
  weightsBytes: number;
  repackedBytes: number;
  /** Bytes of weights that are read, adapters not counted. */
  sourceBytes: number;
  parameters: number;
  tensors: number;
  contextTokens: number;
  /** For a memory estimate before the file exists. */
  layers: number;
  headCountKv: number;
  keyLength: number;
  /** Files of weights that must be on this machine before they can be converted: their tensors do not lie in order. */
  scatteredFiles: string[];
  /** What the person should know, as sentences. */
  notes: string[];
}

export type ConvertProgress =
  | { type: 'plan'; summary: ConversionSummary; resumedBytes: number }
  | {
      type: 'progress';
      /** `convert`: reading, merging, quantising; `verify`: the finished file is read once for its hash. */
      phase: 'convert' | 'verify';
      /** The tensor that was worked on last. */
      tensor?: string;
      file?: string;
      fileDoneBytes?: number;
      fileTotalBytes?: number;
      doneBytes: number;
      totalBytes: number;
    }
  | { type: 'note'; message: string }
  | { type: 'done'; result: ConvertResult };

export interface ConvertResult {
  path: string;
  sha256: string;
  sizeBytes: number;
  summary: ConversionSummary;
  /** How many pieces of work this run did, and how many were found done. */
  unitsConverted: number;
  unitsFoundDone: number;
}
