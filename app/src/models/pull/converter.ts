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

/** Conversion is loaded when something is converted: a server that only answers never needs it. */
export const converter: Converter = {
  async plan(options) {
    const { planConversion } = await import('../convert/conversion-plan.ts');
    return (await planConversion(options)).summary;
  },
  async *convert(options) {
    const { convert } = await import('../convert/convert.ts');
    yield* convert(options);
  },
  async convertAdapter(options) {
    const { writeAdapterGguf } = await import('../convert/adapters/adapter-gguf.ts');
    return writeAdapterGguf(options);
  },
};
