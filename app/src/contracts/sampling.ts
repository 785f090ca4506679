import { z } from 'zod';

/** A JSON schema as a client sends it; bounded in size where it is compiled. */
export type JsonSchema = Record<string, unknown> | boolean;

export const maxStopStrings = 16;
export const maxStopTokenIds = 256;
export const maxLogitBiasEntries = 1024;

/**
 * Every setting of one answer. All are optional here: what is missing is inherited
 * (server default → model → preference → chat → this message).
 */
export const samplingSchema = z.strictObject({
  /** 0 means greedy. */
  temperature: z.number().min(0).max(5).optional(),
  /** 0 means off. */
  topK: z.int().min(0).max(100_000).optional(),
  topP: z.number().gt(0).max(1).optional(),
  minP: z.number().min(0).max(1).optional(),
  repetitionPenalty: z.number().gt(0).max(5).optional(),
  frequencyPenalty: z.number().min(-2).max(2).optional(),
  presencePenalty: z.number().min(-2).max(2).optional(),
  /** How many tokens back the penalties look; -1 means the whole context. */
  penaltyWindow: z.int().min(-1).max(65_536).optional(),
  /** Token id → bias added to its logit; -100 bans it. */
  logitBias: z.record(z.string().regex(/^\d{1,7}$/), z.number().min(-100).max(100)).optional(),
  /** The same seed, prompt and settings draw alike at each position. Absent: a random one, told in the receipt. */
  seed: z.int().min(0).max(4_294_967_295).optional(),
  maxNewTokens: z.int().min(1).max(1_048_576).optional(),
  stop: z.array(z.string().min(1).max(512)).max(maxStopStrings).optional(),
  stopTokenIds: z.array(z.int().min(0).max(10_000_000)).max(maxStopTokenIds).optional(),
  ignoreEos: z.boolean().optional(),
  /** How many alternatives to report for each token; absent means none are reported. */
  logprobs: z.int().min(0).max(20).optional(),
  /** GBNF text. Excludes `jsonSchema`. */
  grammar: z.string().min(1).max(65_536).optional(),
  jsonSchema: z.union([z.record(z.string(), z.unknown()), z.boolean()]).optional(),
});

export type Sampling = z.infer<typeof samplingSchema>;

/** What the server uses where nobody said anything. */
export const samplingDefaults = {
  temperature: 0.7,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  penaltyWindow: 64,
  maxNewTokens: 512,
} as const satisfies Sampling;
