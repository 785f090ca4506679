import { AppError } from '../../contracts/app-error.ts';
import type { Sampling } from '../../contracts/sampling.ts';

const mostAlternatives = 5;

/** `parameters` of a TGI request. It refuses values that mean "off", so they are left out. */
export function tgiParameters(
  sampling: Sampling,
  formatStops: readonly string[],
  maxStops: number,
): Record<string, unknown> {
  const { logprobs, jsonSchema } = sampling;
  // What does not fit is looked for here as well, so the person's own come first.
  const stop = [...(sampling.stop ?? []), ...formatStops].slice(0, maxStops);
  const optional = {
    ...drawing(sampling),
    max_new_tokens: sampling.maxNewTokens,
    stop: stop.length > 0 ? stop : undefined,
    top_n_tokens: logprobs === 0 ? undefined : logprobs,
    grammar: jsonSchema === undefined ? undefined : { type: 'json', value: jsonSchema },
    return_full_text: false,
    details: true,
  };
  return Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
}

/** What its parameters have room for and it refuses all the same, or would cut without a word. */
export function refuseAtTgi(provider: string, { logprobs = 0, jsonSchema }: Sampling): void {
  const refuse = (field: string, why: string): never => {
    throw new AppError('unsupported-field', `${provider} ${why}`, { details: { provider, field } });
  };
  if (logprobs > mostAlternatives)
    refuse('logprobs', `tells at most ${mostAlternatives} alternatives for each token.`);
  if (jsonSchema === undefined) return;
  const isObject = typeof jsonSchema === 'object' && jsonSchema !== null && 'properties' in jsonSchema;
  if (!isObject) refuse('sampling.jsonSchema', 'takes only JSON schemas of an object with "properties".');
}

/** A temperature of 0 is said by not sampling at all. */
function drawing(sampling: Sampling): Record<string, unknown> {
  const { temperature, topK, topP, typicalP, repetitionPenalty, frequencyPenalty, seed } = sampling;
  const penalties = {
    repetition_penalty: unless(1, repetitionPenalty),
    frequency_penalty: unless(0, frequencyPenalty),
  };
  if (temperature === 0) return { ...penalties, do_sample: false };
  return {
    ...penalties,
    do_sample: true,
    temperature,
    top_k: unless(0, topK),
    top_p: unless(1, topP),
    typical_p: unless(1, typicalP),
    seed,
  };
}

function unless(off: number, value: number | undefined): number | undefined {
  return value === off ? undefined : value;
}
