import { AppError } from '../../contracts/app-error.ts';
import type { JsonSchema, Sampling } from '../../contracts/sampling.ts';
import { seedOf } from '../openai/openai-sampling.ts';
import { checkSchema } from '../schema-bounds.ts';
import { schemaOfValue } from '../schema-values.ts';
import type { TgiParameters } from './tgi-requests.ts';

export const maxStopSequences = 16;
const maxTopTokens = 20;

function refuse(message: string): never {
  throw new AppError('bad-request', message);
}

function unsupported(field: string, why: string): never {
  throw new AppError('unsupported-field', `\`${field}\` is not supported: ${why}`, {
    hint: 'docs/compatibility.md lists what is',
    details: { field },
  });
}

type Check = [field: keyof TgiParameters, isWrong: (value: number) => boolean, sentence: string];

/** The sentences are TGI's own; clients and their tests look for them. */
const numberChecks: Check[] = [
  ['temperature', (value) => value <= 0 || value > 5, '`temperature` must be strictly positive'],
  [
    'repetition_penalty',
    (value) => value <= 0 || value > 5,
    '`repetition_penalty` must be strictly positive',
  ],
  ['frequency_penalty', (value) => value < -2 || value > 2, '`frequency_penalty` must be >= -2.0 and <= 2.0'],
  ['top_p', (value) => value <= 0 || value > 1, '`top_p` must be > 0.0 and < 1.0'],
  ['top_k', (value) => value <= 0 || value > 100_000, '`top_k` must be strictly positive'],
  ['typical_p', (value) => value <= 0 || value > 1, '`typical_p` must be > 0.0 and < 1.0'],
  [
    'max_new_tokens',
    (value) => value <= 0 || value > 1_048_576,
    '`max_new_tokens` must be strictly positive',
  ],
  ['truncate', (value) => value <= 0, '`truncate` must be strictly positive and less than the context'],
  ['best_of', (value) => value <= 0, '`best_of` must be strictly positive'],
  ['seed', (value) => value < 0, '`seed` must be a non-negative integer'],
  ['top_n_tokens', (value) => value < 0 || value > maxTopTokens, '`top_n_tokens` must be >= 0 and <= 20'],
];

function checkNumbers(parameters: TgiParameters): void {
  for (const [field, isWrong, sentence] of numberChecks) {
    const value = parameters[field];
    if (typeof value === 'number' && isWrong(value)) refuse(sentence);
  }
}

function checkSupported(parameters: TgiParameters, isStream: boolean): void {
  const { best_of: bestOf, truncate, adapter_id: adapter } = parameters;
  if (typeof bestOf === 'number' && bestOf > 1) {
    if (isStream) refuse('`best_of` != 1 is not supported when streaming tokens');
    unsupported('best_of', 'one answer is given');
  }
  if (typeof truncate === 'number') unsupported('truncate', 'nothing is cut silently');
  if (adapter) unsupported('adapter_id', 'name the adapter in the model reference');
  if (parameters.decoder_input_details === true && isStream) {
    refuse('`decoder_input_details` == true is not supported when streaming tokens');
  }
}

function stopsOf(parameters: TgiParameters): string[] {
  const stops = [...(parameters.stop ?? []), ...(parameters.stop_sequences ?? [])].filter(
    (text) => text !== '',
  );
  if (stops.length > maxStopSequences) {
    refuse(`\`stop\` supports up to ${maxStopSequences} stop sequences. Given: ${stops.length}`);
  }
  return stops;
}

function grammarOf({ grammar }: TgiParameters): JsonSchema | undefined {
  if (!grammar) return undefined;
  if (grammar.type !== 'json' && grammar.type !== 'json_schema')
    unsupported('grammar', `"${grammar.type}" grammars are not known here`);
  const schema = schemaOfValue(grammar.value, 'grammar');
  checkSchema(schema, 'grammar');
  return schema;
}

/** TGI's own default. */
const defaultMaxNewTokens = 1024;

/** Without `do_sample` and without a sampler of its own TGI is greedy, so an answer is here too. */
function isGreedy(parameters: TgiParameters): boolean {
  if (parameters.do_sample === true) return false;
  const { temperature, top_k: topK, top_p: topP, typical_p: typicalP } = parameters;
  return [temperature, topK, topP, typicalP].every((value) => value === undefined || value === null);
}

export function tgiSampling(parameters: TgiParameters, isStream: boolean): Sampling {
  checkNumbers(parameters);
  checkSupported(parameters, isStream);
  const stop = stopsOf(parameters);
  const jsonSchema = grammarOf(parameters);
  const seed = seedOf(parameters.seed);
  const optional = {
    topK: parameters.top_k ?? 0,
    topP: parameters.top_p ?? 1,
    typicalP: parameters.typical_p ?? undefined,
    repetitionPenalty: parameters.repetition_penalty ?? undefined,
    frequencyPenalty: parameters.frequency_penalty ?? undefined,
    seed,
    stop: stop.length > 0 ? stop : undefined,
    jsonSchema,
  };
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return {
    ...given,
    minP: 0,
    temperature: isGreedy(parameters) ? 0 : (parameters.temperature ?? 1),
    maxNewTokens: parameters.max_new_tokens ?? defaultMaxNewTokens,
    logprobs: parameters.top_n_tokens ?? 0,
  };
}
