import { z } from 'zod';

/** A JSON schema as a client sends it; bounded in size where it is compiled. */
export type JsonSchema = Record<string, unknown> | boolean;

export const maxStopStrings = 16;
export const maxStopTokenIds = 256;
export const maxLogitBiasEntries = 1024;
const maxDryBreakers = 16;

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
  /** Keeps the tokens whose surprise is nearest to what is usual here, up to this share; 1 means off. */
  typicalP: z.number().gt(0).max(1).optional(),
  /** How often a draw leaves out all but the last of the tokens above `xtcThreshold`; 0 means off. */
  xtcProbability: z.number().min(0).max(1).optional(),
  /** Above one half there are no two such tokens, so nothing is ever left out. */
  xtcThreshold: z.number().min(0).max(1).optional(),
  /** The temperature goes down by this much where the model is sure and up where it is not; 0 means off. */
  dynamicTemperatureRange: z.number().min(0).max(5).optional(),
  dynamicTemperatureExponent: z.number().gt(0).max(10).optional(),
  /** Steers the surprise of the answer instead of top-k, typical-p, top-p, min-p and XTC; 0 means off. */
  mirostat: z.int().min(0).max(2).optional(),
  /** The surprise aimed at, in bits. */
  mirostatTau: z.number().min(0).max(20).optional(),
  /** How fast it is steered. */
  mirostatEta: z.number().min(0).max(1).optional(),
  /** What it costs a token to go on with a repetition; 0 means off. */
  dryMultiplier: z.number().min(0).max(10).optional(),
  /** The cost grows by this factor with each token that the repetition is longer. */
  dryBase: z.number().min(1).max(8).optional(),
  /** Repetitions up to this length are free. */
  dryAllowedLength: z.int().min(0).max(1024).optional(),
  /** How many tokens back a repetition is looked for; -1 means the whole context, 0 nowhere. */
  dryWindow: z.int().min(-1).max(65_536).optional(),
  /** A repetition does not reach across any of these. */
  dryBreakers: z.array(z.string().min(1).max(64)).max(maxDryBreakers).optional(),
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
