import type { ChatSettings } from '@corral/app/contracts/chats';
import type { Sampling } from '@corral/app/contracts/sampling';

/** One number of the panel: what it does in a sentence, and how it is set. */
export interface NumberParameter {
  /** As `GET /api/settings` names it. */
  name: string;
  label: string;
  why: string;
  min: number;
  max: number;
  step: number;
  /** Where the slider ends; more can be typed. */
  sliderMax?: number;
  /** What an empty field means, where empty is a choice. */
  emptyMeans?: string;
  /** Where the slider stands then. */
  emptyAt?: number;
}

export const samplingParameters: readonly NumberParameter[] = [
  {
    name: 'sampling.temperature',
    label: 'Temperature',
    why: 'Higher is bolder, lower is plainer; 0 always takes the likeliest word.',
    min: 0,
    max: 5,
    sliderMax: 2,
    step: 0.05,
  },
  {
    name: 'sampling.topK',
    label: 'Top-k',
    why: 'Only this many of the likeliest tokens are considered; 0 considers all.',
    min: 0,
    max: 100_000,
    sliderMax: 200,
    step: 1,
  },
  {
    name: 'sampling.topP',
    label: 'Top-p',
    why: 'Only the likeliest tokens that together reach this share are considered.',
    min: 0.01,
    max: 1,
    step: 0.01,
  },
  {
    name: 'sampling.minP',
    label: 'Min-p',
    why: 'Drops tokens less likely than this share of the likeliest one.',
    min: 0,
    max: 1,
    step: 0.01,
  },
  {
    name: 'sampling.repetitionPenalty',
    label: 'Repetition penalty',
    why: 'Above 1 makes words that were just used less likely.',
    min: 0.01,
    max: 5,
    sliderMax: 2,
    step: 0.01,
  },
];

export const limitParameters: readonly NumberParameter[] = [
  {
    name: 'sampling.maxNewTokens',
    label: 'Max new tokens',
    why: 'An answer ends here at the latest; it can be continued.',
    min: 1,
    max: 1_048_576,
    sliderMax: 4_096,
    step: 1,
  },
  {
    name: 'sampling.seed',
    label: 'Seed',
    why: 'The same seed, prompt and settings draw alike; empty draws a new one each time.',
    min: 0,
    max: 4_294_967_295,
    step: 1,
    emptyMeans: 'random',
  },
];

export const memoryParameters: readonly NumberParameter[] = [
  {
    name: 'rememberExchanges',
    label: 'Remembered exchanges',
    why: 'How many past exchanges the model is shown at most; empty shows all that fit.',
    min: 0,
    max: 10_000,
    sliderMax: 50,
    step: 1,
    emptyMeans: 'all that fit',
  },
  {
    name: 'contextTokens',
    label: 'Context',
    why: 'Tokens the model may look at at once; more takes more memory.',
    min: 64,
    max: 1_048_576,
    sliderMax: 32_768,
    step: 64,
    emptyMeans: 'the model’s',
  },
];

type Value = number | string[] | number[] | string | null | undefined;

/** Settings with one value changed; `undefined` takes it back, so that it is inherited. */
export function withSetting(settings: ChatSettings, name: string, value: Value): ChatSettings {
  if (!name.startsWith('sampling.')) return assign(settings, name, value);
  const sampling = assign(settings.sampling ?? {}, name.slice('sampling.'.length), value) as Sampling;
  const { sampling: _before, ...rest } = settings;
  return Object.keys(sampling).length === 0 ? rest : { ...rest, sampling };
}

function assign(object: object, name: string, value: Value): object {
  const copy: Record<string, unknown> = { ...object };
  if (value === undefined) delete copy[name];
  else copy[name] = value;
  return copy;
}
