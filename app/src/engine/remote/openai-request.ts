import { AppError } from '../../contracts/app-error.ts';
import type { PromptMessage } from '../../contracts/messages.ts';
import type { Sampling } from '../../contracts/sampling.ts';
import type { GenerateRequest, Prompt } from '../engine.ts';
import { hiddenTokensOf, type Flavour } from './flavours.ts';
import type { RemoteProvider } from './remote-provider.ts';
import { responseFormat } from './response-format.ts';

export interface RequestParts {
  provider: RemoteProvider;
  model: string;
  flavour: Flavour;
  fields: Flavour['fields'];
}

/** Asked where the service cannot go on with an open answer; a person chose to have it continued. */
const pleaseContinue =
  'Continue your last answer exactly where it stopped. Do not repeat any of it and do not comment on this.';

/** The body of `/chat/completions`. */
export function chatBody(
  parts: RequestParts,
  request: GenerateRequest,
  prompt: Extract<Prompt, { kind: 'chat' }>,
): Record<string, unknown> {
  const { flavour, model } = parts;
  if (prompt.format !== undefined && prompt.format !== 'file') throw ownTemplate(parts, prompt.format);
  const isOpen = isOpenAnswer(prompt);
  return {
    model,
    messages: isOpen && flavour.prefill === null ? askedToContinue(prompt.messages) : prompt.messages,
    ...streaming(flavour),
    ...samplingFields(parts, request.sampling, 'chat'),
    ...flavour.always,
    ...(isOpen ? flavour.prefill : {}),
  };
}

/** An answer that was begun stands last and is to be gone on with. */
export function isOpenAnswer(prompt: Prompt): boolean {
  if (prompt.kind !== 'chat') return false;
  return prompt.continueAnswer === true && prompt.messages.at(-1)?.role === 'assistant';
}

/** The body of `/completions`. */
export function rawBody(
  parts: RequestParts,
  request: GenerateRequest,
  prompt: Exclude<Prompt, { kind: 'chat' }>,
): Record<string, unknown> {
  const { flavour, model, provider } = parts;
  if (!flavour.raw)
    throw new AppError('unsupported-field', `${provider.name} answers chats only, no raw prompts.`, {
      hint: 'Send messages, or choose a model on this machine, at a vLLM or at a TGI.',
      details: { provider: provider.name, field: 'prompt' },
    });
  return {
    model,
    prompt: prompt.kind === 'raw' ? prompt.text : prompt.ids,
    ...streaming(flavour),
    ...samplingFields(parts, request.sampling, 'raw'),
    ...flavour.always,
  };
}

function streaming({ usageUnasked }: Flavour): object {
  return { stream: true, ...(usageUnasked ? {} : { stream_options: { include_usage: true } }) };
}

function ownTemplate({ provider }: RequestParts, format: string): AppError {
  return new AppError(
    'unsupported-field',
    `${provider.name} writes the prompt in the model's own format, so "${format}" cannot be used with it.`,
    {
      hint: "Choose the model's own format in the settings of this chat, or reach the model through a TGI.",
      details: { provider: provider.name, field: 'format' },
    },
  );
}

function askedToContinue(messages: readonly PromptMessage[]): PromptMessage[] {
  return [...messages, { role: 'user', content: pleaseContinue }];
}

/** Only what the flavour takes; a value that means "off" is left out, or said as the flavour says it. */
function samplingFields(
  parts: RequestParts,
  sampling: Sampling,
  form: 'chat' | 'raw',
): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(parts.fields) as [keyof Sampling, string][]) {
    const value = sampling[name];
    if (value === undefined) continue;
    if (isOff(name, value)) Object.assign(body, offField(parts.flavour, name, field));
    else if (name === 'logprobs') Object.assign(body, logprobFields(sampling.logprobs ?? 0, form));
    else body[field] = sentValue(parts, sampling, name);
  }
  return body;
}

/** A setting in the form and within the bounds that the service takes. */
function sentValue({ flavour, model }: RequestParts, sampling: Sampling, name: keyof Sampling): unknown {
  switch (name) {
    case 'jsonSchema':
      return responseFormat(flavour, sampling.jsonSchema ?? true);
    case 'stop':
      return sampling.stop?.slice(0, flavour.maxStops);
    case 'maxNewTokens':
      return withHidden(sampling.maxNewTokens ?? 0, hiddenTokensOf(flavour, model));
    default:
      return sampling[name];
  }
}

/** None of these models takes more than this; whoever asks for more than that alone is told so by the service. */
const mostWithHidden = 100_000;

const withHidden = (wanted: number, hidden: number): number =>
  Math.max(wanted, Math.min(wanted + hidden, mostWithHidden));

/** The values that mean "off" of those settings that have one. */
const offValues: Partial<Record<keyof Sampling, number>> = {
  frequencyPenalty: 0,
  presencePenalty: 0,
  topK: 0,
  minP: 0,
  xtcProbability: 0,
  dynamicTemperatureRange: 0,
  mirostat: 0,
  dryMultiplier: 0,
  topP: 1,
  typicalP: 1,
  repetitionPenalty: 1,
};

function isOff(name: keyof Sampling, value: unknown): boolean {
  return value === false || value === offValues[name] || (Array.isArray(value) && value.length === 0);
}

function offField({ off }: Flavour, name: keyof Sampling, field: string): Record<string, unknown> {
  const said = off?.[name];
  return said === undefined ? {} : { [field]: said };
}

function logprobFields(top: number, form: 'chat' | 'raw'): Record<string, unknown> {
  return form === 'raw' ? { logprobs: top } : { logprobs: true, ...(top > 0 ? { top_logprobs: top } : {}) };
}
