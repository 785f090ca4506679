import type { JsonSchema, Sampling } from '../../contracts/sampling.ts';
import { checkSchema } from '../schema-bounds.ts';
import { schemaOfValue } from '../schema-values.ts';
import type { CommonRequest } from './openai-requests.ts';
import { refuseField } from './unsupported-fields.ts';

/** -1 and 0 mean "no limit of mine" in these clients. */
function limit(...candidates: (number | null | undefined)[]): number | undefined {
  const given = candidates.find((value) => value !== undefined && value !== null);
  return given === undefined || given === null || given < 1 ? undefined : given;
}

/** A sampler takes 32 bits; -1 asks for a random one. */
export function seedOf(seed: number | null | undefined): number | undefined {
  if (seed === undefined || seed === null || seed < 0) return undefined;
  return Number(BigInt(seed) & 0xffff_ffffn);
}

function schemaOf(body: CommonRequest): JsonSchema | undefined {
  const format = body.response_format ?? { type: 'text' };
  if (format.type === 'text') return body.json_schema ?? undefined;
  const named = (format.type === 'json_schema' ? format.json_schema?.schema : undefined) ?? format.schema;
  if (named !== undefined) return named;
  const value = format.value ?? undefined;
  return value === undefined ? { type: 'object' } : schemaOfValue(value, 'response_format.value');
}

function grammarOf({ grammar }: CommonRequest, jsonSchema: JsonSchema | undefined): string | undefined {
  if (grammar === '' || grammar === null || grammar === undefined) return undefined;
  if (jsonSchema !== undefined)
    refuseField('grammar', 'a JSON schema is asked for beside it, and an answer follows one');
  return grammar;
}

/** Copies what is there; `null` is how these clients say "nothing". */
function present<Value extends Record<string, unknown>>(
  values: Value,
): { [Key in keyof Value]?: NonNullable<Value[Key]> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as { [Key in keyof Value]?: NonNullable<Value[Key]> };
}

export function samplingOf(body: CommonRequest): Sampling {
  const jsonSchema = schemaOf(body);
  if (jsonSchema !== undefined) checkSchema(jsonSchema, 'response_format');
  const topK = body.top_k === -1 ? 0 : body.top_k;
  // 0 means "off" to some clients; nothing is left to draw from otherwise.
  const topP = body.top_p === 0 ? 1 : body.top_p;
  const typicalP = body.typical_p === 0 ? 1 : body.typical_p;
  return present({
    temperature: body.temperature,
    topP,
    topK,
    minP: body.min_p,
    typicalP,
    xtcProbability: body.xtc_probability,
    xtcThreshold: body.xtc_threshold,
    dynamicTemperatureRange: body.dynatemp_range,
    dynamicTemperatureExponent: body.dynatemp_exponent,
    mirostat: body.mirostat,
    mirostatTau: body.mirostat_tau,
    mirostatEta: body.mirostat_eta,
    dryMultiplier: body.dry_multiplier,
    dryBase: body.dry_base,
    dryAllowedLength: body.dry_allowed_length,
    dryWindow: body.dry_penalty_last_n,
    dryBreakers: body.dry_sequence_breakers,
    repetitionPenalty: body.repeat_penalty ?? body.repetition_penalty,
    penaltyWindow: body.repeat_last_n,
    frequencyPenalty: body.frequency_penalty,
    presencePenalty: body.presence_penalty,
    seed: seedOf(body.seed),
    stop: body.stop.length > 0 ? body.stop : undefined,
    maxNewTokens: limit(body.max_completion_tokens, body.max_tokens, body.n_predict),
    logitBias: body.logit_bias,
    ignoreEos: body.ignore_eos,
    grammar: grammarOf(body, jsonSchema),
    jsonSchema,
  });
}
