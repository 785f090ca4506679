import { z } from 'zod';

/** Weight formats that a model can be converted to; the names are llama.cpp's, in lower case. */
export const quantisations = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q6_k',
  'q5_k_m',
  'q5_k_s',
  'q4_k_m',
  'q4_k_s',
  'q4_0',
] as const;
export const quantisationSchema = z.enum(quantisations);
export type Quantisation = z.infer<typeof quantisationSchema>;
export const defaultQuantisation: Quantisation = 'q4_k_m';

/** An adapter that was merged into the weights. */
export const mergedAdapterSchema = z.object({
  reference: z.string(),
  commit: z.string().nullable(),
  weight: z.number(),
  licence: z.string().nullable(),
});
export type MergedAdapter = z.infer<typeof mergedAdapterSchema>;

/** Where a model came from. */
export const modelOriginSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('hub'),
    endpoint: z.string(),
    repository: z.string(),
    revision: z.string(),
    commit: z.string(),
    files: z.array(z.string()),
  }),
  z.object({ kind: z.literal('import'), path: z.string() }),
  z.object({ kind: z.literal('bundled') }),
]);
export type ModelOrigin = z.infer<typeof modelOriginSchema>;

/** A model that is on this machine. */
export const modelRecordSchema = z.object({
  /** The reference to give to any command or API call. */
  id: z.string(),
  sha256: z.string(),
  sizeBytes: z.number(),
  architecture: z.string(),
  parameters: z.number(),
  quantisation: z.string(),
  trainedContextTokens: z.number(),
  licence: z.string().nullable(),
  origin: modelOriginSchema,
  merged: z.array(mergedAdapterSchema),
  /** When it was added, milliseconds since 1970. */
  addedAt: z.number(),
});
export type ModelRecord = z.infer<typeof modelRecordSchema>;

/** A LoRA kept beside its base, to be switched on and off while the model runs. */
export const adapterRecordSchema = z.object({
  id: z.string(),
  /** Id of the model it belongs to. */
  base: z.string(),
  sha256: z.string(),
  sizeBytes: z.number(),
  rank: z.number().nullable(),
  licence: z.string().nullable(),
  origin: modelOriginSchema,
  addedAt: z.number(),
});
export type AdapterRecord = z.infer<typeof adapterRecordSchema>;

export const modelDetailsSchema = modelRecordSchema.extend({
  name: z.string(),
  layers: z.number(),
  embeddingLength: z.number(),
  headCount: z.number(),
  headCountKv: z.number(),
  vocabularySize: z.number(),
  tokenizer: z.string(),
  /** The chat template inside the file; null where it has none. */
  template: z.string().nullable(),
  tensorCount: z.number(),
  /** Tensor type → how many bytes of the file are of it. */
  tensorTypes: z.record(z.string(), z.number()),
  adapters: z.array(adapterRecordSchema),
  path: z.string(),
});
export type ModelDetails = z.infer<typeof modelDetailsSchema>;

export const fitSchema = z.enum(['fits', 'tight', 'will-not-fit']);

/** What is known before a byte of weights is fetched. */
export const preflightSchema = z.object({
  id: z.string(),
  /** `ready`: already here; `fetch`: a GGUF is copied; `convert`: weights are streamed through the converter. */
  action: z.enum(['ready', 'fetch', 'convert']),
  commit: z.string().nullable(),
  architecture: z.string().nullable(),
  quantisation: z.string(),
  licence: z.string().nullable(),
  gated: z.boolean(),
  files: z.array(z.object({ name: z.string(), sizeBytes: z.number(), cached: z.boolean() })),
  /** Bytes that will travel over the network. */
  downloadBytes: z.number(),
  /** Bytes of the finished model file. */
  resultBytes: z.number(),
  disk: z.object({
    needBytes: z.number(),
    freeBytes: z.number(),
    reserveBytes: z.number(),
    fit: fitSchema,
  }),
  memory: z
    .object({
      contextTokens: z.number(),
      weightsBytes: z.number(),
      kvBytes: z.number(),
      computeBytes: z.number(),
      totalBytes: z.number(),
      availableBytes: z.number(),
      fit: fitSchema,
    })
    .nullable(),
  /** Estimated from the memory bandwidth of this machine; null where the size is not known. */
  tokensPerSecond: z.number().nullable(),
  verdict: fitSchema,
  /** What the person should know, as sentences. */
  notes: z.array(z.string()),
});
export type Preflight = z.infer<typeof preflightSchema>;

export const pullPhases = ['resolve', 'download', 'convert', 'verify'] as const;

/** What a pull or an import says while it works; `done` comes last and exactly once. */
export const pullProgressSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('plan'), preflight: preflightSchema }),
  z.object({
    type: z.literal('progress'),
    phase: z.enum(pullPhases),
    /** The file or tensor at work; absent when it is about the whole. */
    file: z.string().optional(),
    fileDoneBytes: z.number().optional(),
    fileTotalBytes: z.number().optional(),
    doneBytes: z.number(),
    totalBytes: z.number(),
    bytesPerSecond: z.number(),
    /** Seconds that are left at this speed; null while not known. */
    etaSeconds: z.number().nullable(),
  }),
  /** Something was tried again or decided that the person should know. */
  z.object({ type: z.literal('note'), message: z.string() }),
  z.object({ type: z.literal('done'), model: modelRecordSchema }),
]);
export type PullProgress = z.infer<typeof pullProgressSchema>;

export const catalogueEntrySchema = z.object({
  /** Complete reference for `pull`. */
  id: z.string(),
  title: z.string(),
  description: z.string(),
  parameters: z.number(),
  /** About how large the result is at the default quantisation. */
  sizeBytes: z.number(),
  downloadBytes: z.number(),
  licence: z.string(),
  gated: z.boolean(),
  contextTokens: z.number(),
});
export type CatalogueEntry = z.infer<typeof catalogueEntrySchema>;
