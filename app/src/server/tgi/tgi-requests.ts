import { z } from 'zod';
import { seedSchema } from '../openai/openai-requests.ts';
import { schemaValueSchema } from '../schema-values.ts';

/** Requests as Text Generation Inference takes them. Bounds are checked by hand: its clients know the sentences. */

const grammarSchema = z.object({ type: z.string().max(32), value: schemaValueSchema });

/** More than are taken, so that their number is refused in TGI's own words, and bounded all the same. */
const stopSchema = z.array(z.string().max(512)).max(1_000).nullish();

export const tgiParametersSchema = z.looseObject({
  best_of: z.int().nullish(),
  temperature: z.number().nullish(),
  repetition_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  top_k: z.int().nullish(),
  top_p: z.number().nullish(),
  typical_p: z.number().nullish(),
  do_sample: z.boolean().nullish(),
  max_new_tokens: z.int().nullish(),
  return_full_text: z.boolean().nullish(),
  stop: stopSchema,
  stop_sequences: stopSchema,
  truncate: z.int().nullish(),
  watermark: z.boolean().nullish(),
  details: z.boolean().nullish(),
  decoder_input_details: z.boolean().nullish(),
  seed: seedSchema,
  top_n_tokens: z.int().nullish(),
  grammar: grammarSchema.nullish(),
  adapter_id: z.string().max(512).nullish(),
});
export type TgiParameters = z.infer<typeof tgiParametersSchema>;

export const tgiRequestSchema = z.looseObject({
  inputs: z.string(),
  parameters: tgiParametersSchema.nullish(),
  stream: z.boolean().nullish(),
  model: z.string().max(512).nullish(),
});
export type TgiRequest = z.infer<typeof tgiRequestSchema>;

/** Each token is looked at by itself; a whole prompt is counted by other calls. */
const maxTokenizeCharacters = 100_000;

export const tokenizeSchema = z.looseObject({
  inputs: z.string().max(maxTokenizeCharacters),
  add_special_tokens: z.boolean().nullish(),
  model: z.string().max(512).nullish(),
});
export type TokenizeRequest = z.infer<typeof tokenizeSchema>;
