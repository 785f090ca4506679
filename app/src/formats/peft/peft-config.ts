import { AppError } from '../../contracts/app-error.ts';
import { isJsonObject, parseJsonObject, type JsonObject } from '../json-object.ts';

/** What an adapter_config.json may ask of this reader. */
export const peftLimits = {
  /** Real ones have a few kB; patterns that name every layer reach 200 kB. */
  maximumBytes: 4 * 1024 * 1024,
  maximumPatterns: 20_000,
  /** Longer than any module's name. */
  maximumPatternLength: 256,
  /** More of them would let a pattern take polynomial time on a long name. */
  maximumWildcards: 3,
  maximumRank: 65_536,
} as const;

export interface PeftConfig {
  rank: number;
  alpha: number;
  /** Divides by the square root of the rank instead of the rank. */
  usesRankStabilised: boolean;
  /** Whether an embedding and an output that are one tensor were trained as one. */
  ensuresWeightTying: boolean;
  rankPatterns: [RegExp, number][];
  alphaPatterns: [RegExp, number][];
  /** The base as the adapter's author named it: a repository, or a path on their machine. */
  base: string | undefined;
  revision: string | undefined;
}

/** Ways of adapting that change weights in other ways than W + s·BA. */
const refusedFlags: Readonly<Record<string, string>> = {
  use_dora: 'DoRA',
  use_qalora: 'QALoRA',
  alora_invocation_tokens: 'activated LoRA',
  layer_replication: 'layer replication',
  target_parameters: 'LoRA on bare parameters',
  trainable_token_indices: 'trained token rows',
  megatron_config: 'Megatron layers',
  arrow_config: 'Arrow routing',
  kasa_config: 'KaSA',
};

/** Initialisations that change the base as well, so that B·A alone is not the difference. */
const refusedInitialisation = /^(?:pissa|olora|corda|lora_ga)/i;

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isJsonObject(value) || Object.keys(value).length > 0;
}

function unsupported(name: string, why: string): AppError {
  return new AppError('model-unsupported', `${name} asks for ${why}, which is not supported.`, {
    hint: 'Merge it with the tools it was made with and convert the merged model instead.',
  });
}

/** Only letters, digits and a few plain regular-expression marks: nothing that can take exponential time. */
function safePattern(name: string, text: string): RegExp {
  const wildcards = text.match(/[*+]/g)?.length ?? 0;
  const isPlain = /^\^?(?:[\w.-]|\\[.d]|\[0-9\]|\.\*|\\d\+|\[0-9\]\+|\((?:[\w.-]+\|)*[\w.-]+\))*\$?$/.test(
    text,
  );
  if (text.length > peftLimits.maximumPatternLength || wildcards > peftLimits.maximumWildcards || !isPlain)
    throw new AppError(
      'model-unsupported',
      `${name} selects modules by a pattern that is not plain: ${text.slice(0, 80)}`,
    );
  return new RegExp(`^(?:.*\\.)?(?:${text})$`);
}

function patterns(name: string, value: unknown): [RegExp, number][] {
  if (!isJsonObject(value)) return [];
  const entries = Object.entries(value);
  if (entries.length > peftLimits.maximumPatterns)
    throw new AppError('file-invalid', `${name} has too many patterns.`);
  return entries.map(([key, number]) => {
    if (typeof number !== 'number' || !Number.isFinite(number))
      throw new AppError('file-invalid', `${name} gives ${key} no number.`);
    return [safePattern(name, key), number];
  });
}

function positive(name: string, config: JsonObject, key: string, fallback: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0 || value > peftLimits.maximumRank)
    throw new AppError('file-invalid', `${name} has no sound ${key}.`);
  return value;
}

export function readPeftConfig(name: string, bytes: Uint8Array): PeftConfig {
  const config = parseJsonObject(name, bytes, peftLimits.maximumBytes);
  const type = config['peft_type'];
  if (type !== 'LORA') throw unsupported(name, `an adapter of type ${String(type)}`);
  for (const [flag, what] of Object.entries(refusedFlags))
    if (isSet(config[flag])) throw unsupported(name, what);
  const initialisation = config['init_lora_weights'];
  if (typeof initialisation === 'string' && refusedInitialisation.test(initialisation))
    throw unsupported(name, `the initialisation ${initialisation}`);
  const base = config['base_model_name_or_path'];
  const revision = config['revision'];
  return {
    rank: positive(name, config, 'r', 8),
    alpha: positive(name, config, 'lora_alpha', 8),
    usesRankStabilised: config['use_rslora'] === true,
    ensuresWeightTying: config['ensure_weight_tying'] === true,
    rankPatterns: patterns(name, config['rank_pattern']),
    alphaPatterns: patterns(name, config['alpha_pattern']),
    base: typeof base === 'string' && base !== '' ? base : undefined,
    revision: typeof revision === 'string' && revision !== '' ? revision : undefined,
  };
}

/** By what B·A is multiplied for a module, whose rank is that of its A. */
export function loraScale(config: PeftConfig, module: string, rank: number): number {
  const alpha = config.alphaPatterns.find(([pattern]) => pattern.test(module))?.[1] ?? config.alpha;
  return alpha / (config.usesRankStabilised ? Math.sqrt(rank) : rank);
}

/** The rank that the config gives to a module. */
export function loraRank(config: PeftConfig, module: string): number {
  return config.rankPatterns.find(([pattern]) => pattern.test(module))?.[1] ?? config.rank;
}
