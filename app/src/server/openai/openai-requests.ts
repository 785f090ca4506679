import { z } from 'zod';
import { samplingSchema } from '../../contracts/sampling.ts';
import { maxInputs, maxMessageParts, maxPromptMessages, maxTokenIds } from '../limits.ts';
import { schemaValueSchema } from '../schema-values.ts';

/**
 * Requests as OpenAI's clients send them, with the extras of llama.cpp. Fields that nobody here knows are ignored, as
 * those clients expect; those that would change the answer are refused by name (`unsupported-fields.ts`).
 */

/** What has no other word for "off" here than in the native API has its bounds too. */
const bounds = samplingSchema.shape;

const optionalNumber = (min: number, max: number) => z.number().min(min).max(max).nullish();
const optionalInteger = (min: number, max: number) => z.int().min(min).max(max).nullish();

/** Any whole number that JSON can carry, of 64 bits too, which `z.int()` refuses; reduced to what a sampler takes. */
export const seedSchema = z.number().refine(Number.isInteger, 'a whole number is expected').nullish();

const stopSchema = z
  .union([z.string().max(512), z.array(z.string().max(512)).max(16)])
  .nullish()
  .transform((stop) => (typeof stop === 'string' ? [stop] : (stop ?? [])).filter((text) => text !== ''));

const jsonSchemaSchema = z.union([z.record(z.string(), z.unknown()), z.boolean()]);

const jsonFormatSchema = z.object({
  name: z.string().max(64).optional(),
  schema: jsonSchemaSchema.optional(),
  strict: z.boolean().nullish(),
});

/** The schema is `json_schema.schema` to OpenAI, `schema` to llama.cpp and `value` to TGI and huggingface_hub. */
const responseFormatSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({
    type: z.enum(['json_object', 'json']),
    schema: jsonSchemaSchema.optional(),
    value: schemaValueSchema.nullish(),
  }),
  z
    .object({
      type: z.literal('json_schema'),
      json_schema: jsonFormatSchema.optional(),
      schema: jsonSchemaSchema.optional(),
      value: schemaValueSchema.nullish(),
    })
    .refine(({ json_schema: format, schema, value }) => (format ?? schema ?? value ?? null) !== null, {
      path: ['json_schema'],
      message: 'the schema is missing',
    }),
]);

const commonFields = {
  model: z.string().max(512).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: bounds.temperature.nullish(),
  top_p: optionalNumber(0, 1),
  top_k: optionalInteger(-1, 100_000),
  min_p: bounds.minP.nullish(),
  typical_p: optionalNumber(0, 1),
  xtc_probability: bounds.xtcProbability.nullish(),
  xtc_threshold: bounds.xtcThreshold.nullish(),
  dynatemp_range: bounds.dynamicTemperatureRange.nullish(),
  dynatemp_exponent: bounds.dynamicTemperatureExponent.nullish(),
  mirostat: bounds.mirostat.nullish(),
  mirostat_tau: bounds.mirostatTau.nullish(),
  mirostat_eta: bounds.mirostatEta.nullish(),
  dry_multiplier: bounds.dryMultiplier.nullish(),
  dry_base: bounds.dryBase.nullish(),
  dry_allowed_length: bounds.dryAllowedLength.nullish(),
  dry_penalty_last_n: bounds.dryWindow.nullish(),
  dry_sequence_breakers: bounds.dryBreakers.nullish(),
  repeat_penalty: bounds.repetitionPenalty.nullish(),
  repetition_penalty: bounds.repetitionPenalty.nullish(),
  repeat_last_n: bounds.penaltyWindow.nullish(),
  frequency_penalty: bounds.frequencyPenalty.nullish(),
  presence_penalty: bounds.presencePenalty.nullish(),
  seed: seedSchema,
  stop: stopSchema,
  max_completion_tokens: optionalInteger(-1, 1_048_576),
  max_tokens: optionalInteger(-1, 1_048_576),
  n_predict: optionalInteger(-1, 1_048_576),
  logit_bias: bounds.logitBias.nullish(),
  ignore_eos: z.boolean().nullish(),
  grammar: z.string().max(65_536).nullish(),
  json_schema: jsonSchemaSchema.nullish(),
  response_format: responseFormatSchema.nullish(),
  return_progress: z.boolean().nullish(),
  n: optionalInteger(1, 128),
};

const textPartSchema = z.looseObject({ type: z.string().max(64), text: z.string().optional() });

const chatMessageSchema = z.looseObject({
  role: z.string().max(32),
  content: z.union([z.string(), z.array(textPartSchema).max(maxMessageParts)]).nullish(),
});
export type OpenAiMessage = z.infer<typeof chatMessageSchema>;

export const chatCompletionSchema = z.looseObject({
  ...commonFields,
  messages: z.array(chatMessageSchema).min(1).max(maxPromptMessages),
  logprobs: z.boolean().nullish(),
  top_logprobs: optionalInteger(0, 20),
});
export type ChatCompletionRequest = z.infer<typeof chatCompletionSchema>;

const maxTokenId = 10_000_000;
const isTokenId = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maxTokenId;

/** One check for the whole list: a schema for each of a million ids would take seconds and gigabytes. */
const tokenIdsSchema = z
  .custom<number[]>(
    (value) => Array.isArray(value) && value.length <= maxTokenIds && value.every(isTokenId),
    'a list of token ids is expected',
  )
  .meta({
    type: 'array',
    maxItems: maxTokenIds,
    items: { type: 'integer', minimum: 0, maximum: maxTokenId },
  });

/** Texts, or lists of token ids: one, or several of them. */
const inputsSchema = z.union([
  z.string(),
  tokenIdsSchema,
  z.array(z.string()).max(maxInputs),
  z.array(tokenIdsSchema).max(maxInputs),
]);

export const textCompletionSchema = z.looseObject({
  ...commonFields,
  prompt: inputsSchema,
  logprobs: optionalInteger(0, 20),
  echo: z.boolean().nullish(),
});
export type TextCompletionRequest = z.infer<typeof textCompletionSchema>;

export const embeddingSchema = z.looseObject({
  model: z.string().max(512).nullish(),
  input: inputsSchema,
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: optionalInteger(1, 1_000_000),
  user: z.string().max(512).nullish(),
});
export type EmbeddingRequest = z.infer<typeof embeddingSchema>;

export type CommonRequest = Pick<ChatCompletionRequest, keyof typeof commonFields> & Record<string, unknown>;
