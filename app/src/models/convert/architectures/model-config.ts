import { AppError } from '../../../contracts/app-error.ts';
import { isJsonObject, type JsonObject } from '../../../formats/json-object.ts';

/** A config.json is below 10 kB; this leaves room for what vendors add. */
export const maximumConfigBytes = 4 * 1024 * 1024;

/** Sizes a config may state; products of these fit 2^53 and sizes beyond them belong to no model. */
const sizeLimits = {
  layers: 1024,
  width: 1 << 18,
  heads: 4096,
  headWidth: 4096,
  feedForward: 1 << 20,
  contextTokens: 1 << 27,
  vocabularySize: 1 << 21,
} as const;

export type RopeScaling =
  | { kind: 'none' }
  | { kind: 'linear'; factor: number }
  | { kind: 'llama3'; factor: number; lowFactor: number; highFactor: number; originalContext: number }
  | {
      kind: 'yarn';
      factor: number;
      originalContext: number;
      /** By what queries and keys grow, as a multiple of what llama.cpp takes by itself: 0.1 ln(factor) + 1. */
      attentionFactor: number;
    };

/** What a conversion needs to know of config.json, with transformers' defaults filled in. */
export interface ModelConfig {
  raw: JsonObject;
  className: string;
  layers: number;
  width: number;
  heads: number;
  keyValueHeads: number;
  headWidth: number;
  /** Whether config.json states the width of a head, so that it may differ from width / heads. */
  statesHeadWidth: boolean;
  feedForward: number;
  contextTokens: number;
  normEpsilon: number;
  ropeTheta: number;
  ropeScaling: RopeScaling;
  vocabularySize: number;
}

export function configError(why: string): AppError {
  return new AppError('model-unsupported', `config.json ${why}.`, {
    hint: 'Check that the repository is a complete Hugging Face model of a supported kind.',
  });
}

/** The first of the named fields that is a number. */
export function numberField(raw: JsonObject, ...names: string[]): number | undefined {
  for (const name of names) {
    const value = raw[name];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
  }
  return undefined;
}

/** A whole number from 1 to its limit. */
export function sizeField(
  raw: JsonObject,
  kind: keyof typeof sizeLimits,
  names: string[],
  fallback?: number,
): number {
  const value = numberField(raw, ...names) ?? fallback;
  if (value === undefined) throw configError(`has no ${names[0]}`);
  if (!Number.isSafeInteger(value) || value < 1 || value > sizeLimits[kind])
    throw configError(`has ${names[0]} ${value}, which no model has`);
  return value;
}

/** From newer (`rope_parameters`) and older (`rope_scaling`, `rope_theta`) configs. */
export function readRope(raw: JsonObject, contextTokens: number): { theta: number; scaling: RopeScaling } {
  const newer = raw['rope_parameters'];
  const older = raw['rope_scaling'];
  const fields = isJsonObject(newer) ? newer : isJsonObject(older) ? older : {};
  const theta = numberField(fields, 'rope_theta') ?? numberField(raw, 'rope_theta') ?? 10_000;
  if (!(theta > 0)) throw configError('has a rope_theta that is not positive');
  return { theta, scaling: readScaling(fields, raw, contextTokens) };
}

function readScaling(fields: JsonObject, raw: JsonObject, contextTokens: number): RopeScaling {
  const stated = fields['rope_type'] ?? fields['type'];
  const type = typeof stated === 'string' ? stated.toLowerCase() : 'default';
  const originalContext =
    numberField(fields, 'original_max_position_embeddings') ??
    numberField(raw, 'original_max_position_embeddings');
  if (type === 'default') return { kind: 'none' };
  if (type === 'linear') return { kind: 'linear', factor: scalingFactor(fields) };
  if (type === 'llama3') return llama3Scaling(fields, originalContext);
  if (type === 'yarn') return yarnScaling(fields, originalContext ?? contextTokens);
  throw configError(`scales its positions by ${type}; linear, llama3 and yarn are supported`);
}

function scalingFactor(fields: JsonObject): number {
  const factor = numberField(fields, 'factor');
  if (!factor || factor <= 0) throw configError('scales its positions by no factor');
  return factor;
}

function llama3Scaling(fields: JsonObject, originalContext = 8192): RopeScaling {
  return {
    kind: 'llama3',
    factor: numberField(fields, 'factor') ?? 8,
    lowFactor: numberField(fields, 'low_freq_factor') ?? 1,
    highFactor: numberField(fields, 'high_freq_factor') ?? 4,
    originalContext,
  };
}

/** llama.cpp reads none of these for the families here, so another value would be lost without a word. */
const yarnConstants = { beta_fast: 32, beta_slow: 1, extrapolation_factor: 1 } as const;

const growth = (factor: number, scale: number): number =>
  factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;

function yarnScaling(fields: JsonObject, originalContext: number): RopeScaling {
  for (const [name, constant] of Object.entries(yarnConstants))
    if ((numberField(fields, name) ?? constant) !== constant)
      throw configError(
        `scales its positions by yarn with ${name} ${numberField(fields, name)}, not ${constant}`,
      );
  if (fields['truncate'] === false) throw configError('scales its positions by yarn without rounding');
  const factor = scalingFactor(fields);
  const [scale, scaleOfAll] = [numberField(fields, 'mscale'), numberField(fields, 'mscale_all_dim')];
  const computed =
    scale && scaleOfAll ? growth(factor, scale) / growth(factor, scaleOfAll) : growth(factor, 1);
  // transformers' attention_factor is the whole; DeepSeek's attn_factor, as vLLM reads it, a multiple.
  const attention =
    numberField(fields, 'attention_factor') ?? computed * (numberField(fields, 'attn_factor') ?? 1);
  return { kind: 'yarn', factor, originalContext, attentionFactor: attention / growth(factor, 1) };
}

/** A family's activation is fixed in llama.cpp, so a model trained with another would answer nonsense without a word. */
export function checkActivation(raw: JsonObject, known: readonly string[]): void {
  for (const name of ['hidden_act', 'activation']) {
    const stated = raw[name];
    if (typeof stated === 'string' && !known.includes(stated))
      throw configError(`asks for the activation ${stated}, which llama.cpp has not for its kind of model`);
  }
}

/** Heads come in whole groups, and each is turned in two halves. */
export function checkHeads(config: ModelConfig): ModelConfig {
  const { heads, keyValueHeads, headWidth } = config;
  if (heads % keyValueHeads !== 0) throw configError(`shares ${keyValueHeads} keys among ${heads} heads`);
  if (headWidth % 2 !== 0) throw configError(`has heads of width ${headWidth}, which cannot be halved`);
  return config;
}
