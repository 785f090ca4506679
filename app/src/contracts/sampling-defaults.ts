import type { Sampling } from './sampling.ts';

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

/** Samplers that are off until somebody wants them; receipts and services hear of them only then. */
export const rareSamplingDefaults = {
  typicalP: 1,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  dynamicTemperatureRange: 0,
  dynamicTemperatureExponent: 1,
  mirostat: 0,
  mirostatTau: 5,
  mirostatEta: 0.1,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryWindow: -1,
  dryBreakers: ['\n', ':', '"', '*'],
} as const satisfies Sampling;
