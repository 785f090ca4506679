import type { Sampling } from './sampling.ts';

type FieldNames = Partial<Record<keyof Sampling, string>>;

/** What OpenAI calls a setting of ours. */
export const openaiFields = {
  temperature: 'temperature',
  topP: 'top_p',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  seed: 'seed',
  maxNewTokens: 'max_tokens',
  stop: 'stop',
  jsonSchema: 'response_format',
} as const satisfies FieldNames;

/** What llama.cpp's own server calls them, and Corral after it. */
export const llamaCppFields = {
  ...openaiFields,
  topK: 'top_k',
  minP: 'min_p',
  repetitionPenalty: 'repeat_penalty',
  penaltyWindow: 'repeat_last_n',
  typicalP: 'typical_p',
  xtcProbability: 'xtc_probability',
  xtcThreshold: 'xtc_threshold',
  dynamicTemperatureRange: 'dynatemp_range',
  dynamicTemperatureExponent: 'dynatemp_exponent',
  mirostat: 'mirostat',
  mirostatTau: 'mirostat_tau',
  mirostatEta: 'mirostat_eta',
  dryMultiplier: 'dry_multiplier',
  dryBase: 'dry_base',
  dryAllowedLength: 'dry_allowed_length',
  dryWindow: 'dry_penalty_last_n',
  dryBreakers: 'dry_sequence_breakers',
  logitBias: 'logit_bias',
  logprobs: 'logprobs',
  ignoreEos: 'ignore_eos',
  grammar: 'grammar',
} as const satisfies FieldNames;
