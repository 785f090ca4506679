import { writeAdapterGguf } from '../convert/adapters/adapter-gguf.ts';
import { planConversion } from '../convert/conversion-plan.ts';
import { convert } from '../convert/convert.ts';
import type {
  ConversionSummary,
  ConvertOptions,
  ConvertProgress,
  PlanOptions,
  RepositoryFiles,
} from '../convert/convert-types.ts';

/** What a pull needs of `convert/`. */
export interface Converter {
  /** Reads headers only; refuses what cannot be converted, saying what can. */
  plan(options: PlanOptions): Promise<ConversionSummary>;
  /** One pass from weights to a finished file; a journal lets the next run with the same input go on. */
  convert(options: ConvertOptions): AsyncIterable<ConvertProgress>;
  /** A PEFT adapter as a GGUF LoRA for a model file; refuses with `adapter-mismatch` where the two do not fit. */
  convertAdapter(options: ConvertAdapterOptions): Promise<ConvertedAdapter>;
}

export interface ConvertAdapterOptions {
  /** Its weights are on this machine. */
  adapter: RepositoryFiles;
  /** The GGUF file of its base. */
  basePath: string;
  /** Appears complete or not at all. */
  output: string;
  signal?: AbortSignal;
}

export interface ConvertedAdapter {
  sha256: string;
  sizeBytes: number;
  rank: number | null;
}

export const converter: Converter = {
  plan: async (options) => (await planConversion(options)).summary,
  convert,
  convertAdapter: writeAdapterGguf,
};
