import { llamaCppFields, openaiFields } from '../../contracts/sampling-fields.ts';
import type { Sampling } from '../../contracts/sampling.ts';
import type { RemoteProvider, ServiceModel } from './remote-provider.ts';

/**
 * OpenAI's dialect as the programs that speak it understand it. What a program is not known to take is not sent, and
 * is told as ignored: some refuse a field they do not know, others drop it without a word.
 */
export interface Flavour {
  name: string;
  title: string;
  /** Settings it takes, and the field each is sent as. */
  fields: Partial<Record<keyof Sampling, string>>;
  /** How a half-written answer is gone on with: fields that ask for it; null: it cannot be, or not for this model. */
  prefill: Record<string, unknown> | null;
  /** Most stop strings that it takes. */
  maxStops: number;
  /** `/completions` with a raw prompt. */
  raw: boolean;
  /** It refuses a prompt that is too long for the model, however it was started; others may cut it in silence. */
  refusesTooLong?: true;
  /** It hands on to other services: what stands behind a model's name and a colon says to which, as `:fastest` does. */
  routes?: true;
  /** It takes no `json_object`: JSON of any form is asked for by a schema. */
  schemasOnly?: true;
  /** It refuses the field that asks for the usage, and tells it unasked. */
  usageUnasked?: true;
  /** Fields that make it say which stop string ended an answer. */
  always?: Record<string, unknown>;
  /** What "off" is sent as where leaving a setting out means a default of the service's own. */
  off?: Partial<Record<keyof Sampling, number>>;
  /** Models that take fewer settings than its others; of each answer so many tokens may go into thoughts unseen. */
  narrower?: { models: RegExp; without: readonly (keyof Sampling)[]; hiddenTokens: number };
}

/**
 * vLLM and SGLang take what is left out from the model's `generation_config.json`, the others from their own defaults
 * (llama-server: top-k 40, top-p 0.95, min-p 0.05).
 */
const off = { topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 } as const satisfies Flavour['off'];

/** What it is called in transformers; vLLM and llama-server refuse the first where the second is not said. */
const continuation = { continue_final_message: true, add_generation_prompt: false };

/** SGLang refuses a `top_k` of 0, and so did vLLM for years. */
const offWithoutZero = { ...off, topK: -1 } as const satisfies Flavour['off'];

const flavours = {
  vllm: {
    name: 'vllm',
    title: 'vLLM',
    refusesTooLong: true,
    fields: {
      ...openaiFields,
      topK: 'top_k',
      minP: 'min_p',
      repetitionPenalty: 'repetition_penalty',
      logitBias: 'logit_bias',
      logprobs: 'logprobs',
      stopTokenIds: 'stop_token_ids',
      ignoreEos: 'ignore_eos',
    },
    prefill: continuation,
    maxStops: 16,
    raw: true,
    off: offWithoutZero,
  },
  sglang: {
    name: 'sglang',
    title: 'SGLang',
    fields: {
      ...openaiFields,
      topK: 'top_k',
      minP: 'min_p',
      repetitionPenalty: 'repetition_penalty',
      logprobs: 'logprobs',
      stopTokenIds: 'stop_token_ids',
      ignoreEos: 'ignore_eos',
    },
    prefill: { continue_final_message: true },
    maxStops: 16,
    raw: true,
    off: offWithoutZero,
  },
  'llama-server': {
    name: 'llama-server',
    title: 'llama-server',
    fields: llamaCppFields,
    // It goes on with an assistant's message that stands last in any case, but says that again unless it was asked to.
    prefill: continuation,
    maxStops: 16,
    raw: true,
    always: { cache_prompt: true },
    off,
  },
  corral: {
    name: 'corral',
    title: 'Corral',
    refusesTooLong: true,
    fields: llamaCppFields,
    prefill: {},
    maxStops: 16,
    raw: true,
    off,
  },
  'lm-studio': {
    name: 'lm-studio',
    title: 'LM Studio',
    fields: { ...openaiFields, topK: 'top_k', repetitionPenalty: 'repeat_penalty', logitBias: 'logit_bias' },
    prefill: null,
    maxStops: 16,
    raw: true,
    schemasOnly: true,
    off,
  },
  ollama: { name: 'ollama', title: 'Ollama', fields: openaiFields, prefill: null, maxStops: 16, raw: true },
  openrouter: {
    name: 'openrouter',
    title: 'OpenRouter',
    fields: {
      ...openaiFields,
      topK: 'top_k',
      minP: 'min_p',
      repetitionPenalty: 'repetition_penalty',
      logitBias: 'logit_bias',
      logprobs: 'logprobs',
    },
    prefill: null,
    maxStops: 4,
    raw: false,
    routes: true,
    off: { topK: 0 },
  },
  openai: {
    name: 'openai',
    title: 'OpenAI',
    refusesTooLong: true,
    fields: {
      ...openaiFields,
      maxNewTokens: 'max_completion_tokens',
      logitBias: 'logit_bias',
      logprobs: 'logprobs',
    },
    prefill: null,
    maxStops: 4,
    raw: false,
    // Those that reason, tuned ones too, answer 400 to each of these.
    narrower: {
      models: /^(ft:)?(o\d|gpt-5(?!.*-chat))/u,
      without: [
        'temperature',
        'topP',
        'frequencyPenalty',
        'presencePenalty',
        'logprobs',
        'logitBias',
        'stop',
      ],
      // What OpenAI's guide says to keep free for them; an answer that they leave no room for comes empty.
      hiddenTokens: 25_000,
    },
  },
  /** Refuses whatever it does not know. */
  mistral: {
    name: 'mistral',
    title: 'Mistral',
    fields: { ...openaiFields, seed: 'random_seed' },
    prefill: null,
    maxStops: 4,
    raw: false,
    usageUnasked: true,
  },
  'hugging-face': {
    name: 'hugging-face',
    title: 'Hugging Face',
    fields: { ...openaiFields, logprobs: 'logprobs' },
    prefill: null,
    maxStops: 4,
    raw: false,
    routes: true,
  },
  /** A program that nobody here knows: what the standard says, and no more. */
  other: {
    name: 'other',
    title: 'OpenAI-compatible',
    fields: { ...openaiFields, logprobs: 'logprobs' },
    prefill: null,
    maxStops: 4,
    raw: true,
  },
} as const satisfies Record<string, Flavour>;

export type FlavourName = keyof typeof flavours;

/** `owned_by` of its models, by which a program gives itself away. */
const byOwner: Readonly<Record<string, FlavourName>> = {
  vllm: 'vllm',
  sglang: 'sglang',
  llamacpp: 'llama-server',
  corral: 'corral',
  library: 'ollama',
  organization_owner: 'lm-studio',
};

const byHost: Readonly<Record<string, FlavourName>> = {
  'api.openai.com': 'openai',
  'openrouter.ai': 'openrouter',
  'api.mistral.ai': 'mistral',
};

/** The first of its models tells: a server speaks one way for all of them. */
export function flavourOf(provider: RemoteProvider, models: readonly ServiceModel[]): Flavour {
  if (provider.kind === 'huggingface') return flavours['hugging-face'];
  const host = byHost[new URL(provider.url).hostname];
  const owned = models.map(({ ownedBy }) => byOwner[ownedBy]).find((name) => name !== undefined);
  return flavours[host ?? owned ?? 'other'];
}

/** What of a flavour holds for one model: not what such models refuse, and where the service says so, what it takes. */
export function fieldsFor(flavour: Flavour, model: string, listed: ServiceModel | null): Flavour['fields'] {
  const refused: readonly string[] = narrowerFor(flavour, model)?.without ?? [];
  const parameters = listed?.parameters;
  const taken = Object.entries(flavour.fields).filter(
    ([name, field]) =>
      !refused.includes(name) &&
      (!parameters ||
        parameters.includes(field) ||
        (field === 'response_format' && parameters.includes('structured_outputs'))),
  );
  return Object.fromEntries(taken);
}

/** What a model's thoughts, which are never shown, may take beside an answer; 0 where none count as part of it. */
export function hiddenTokensOf(flavour: Flavour, model: string): number {
  return narrowerFor(flavour, model)?.hiddenTokens ?? 0;
}

function narrowerFor({ narrower }: Flavour, model: string): Flavour['narrower'] {
  return narrower?.models.test(model) === true ? narrower : undefined;
}
