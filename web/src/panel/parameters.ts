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
  isRare?: boolean;
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
  {
    name: 'sampling.frequencyPenalty',
    label: 'Frequency penalty',
    why: 'Makes a token less likely with each time it was used.',
    min: -2,
    max: 2,
    step: 0.05,
    isRare: true,
  },
  {
    name: 'sampling.presencePenalty',
    label: 'Presence penalty',
    why: 'Makes a token less likely once it was used.',
    min: -2,
    max: 2,
    step: 0.05,
    isRare: true,
  },
  {
    name: 'sampling.penaltyWindow',
    label: 'Penalty window',
    why: 'How many tokens back the penalties look; -1 looks at everything.',
    min: -1,
    max: 65_536,
    sliderMax: 1_024,
    step: 1,
    isRare: true,
  },
  {
    name: 'sampling.typicalP',
    label: 'Typical-p',
    why: 'Considers the tokens that are about as surprising as is usual here, up to this share; 1 is off.',
    min: 0.01,
    max: 1,
    step: 0.01,
    emptyMeans: 'off',
    emptyAt: 1,
    isRare: true,
  },
  {
    name: 'sampling.xtcProbability',
    label: 'XTC probability',
    why: 'How often the likeliest tokens are left out, down to the last likely one; 0 is off.',
    min: 0,
    max: 1,
    step: 0.01,
    emptyMeans: 'off',
    isRare: true,
  },
  {
    name: 'sampling.xtcThreshold',
    label: 'XTC threshold',
    why: 'From this share on a token counts as likely for XTC; above 0.5 nothing is left out.',
    min: 0,
    max: 1,
    sliderMax: 0.5,
    step: 0.01,
    emptyMeans: '0.1',
    emptyAt: 0.1,
    isRare: true,
  },
  {
    name: 'sampling.dynamicTemperatureRange',
    label: 'Dynamic temperature',
    why: 'The temperature goes down by up to this much where the model is sure, and up where it is not; 0 is off.',
    min: 0,
    max: 5,
    sliderMax: 2,
    step: 0.05,
    emptyMeans: 'off',
    isRare: true,
  },
  {
    name: 'sampling.dynamicTemperatureExponent',
    label: 'Dynamic temperature exponent',
    why: 'Above 1 the temperature rises only where the model is very unsure.',
    min: 0.01,
    max: 10,
    sliderMax: 3,
    step: 0.05,
    emptyMeans: '1',
    emptyAt: 1,
    isRare: true,
  },
  {
    name: 'sampling.mirostat',
    label: 'Mirostat',
    why: 'Steers how surprising the answer is, in place of top-k, top-p, min-p and the like: 1 or 2; 0 is off.',
    min: 0,
    max: 2,
    step: 1,
    emptyMeans: 'off',
    isRare: true,
  },
  {
    name: 'sampling.mirostatTau',
    label: 'Mirostat goal',
    why: 'The surprise that Mirostat aims at, in bits; lower is plainer.',
    min: 0,
    max: 20,
    sliderMax: 10,
    step: 0.1,
    emptyMeans: '5',
    emptyAt: 5,
    isRare: true,
  },
  {
    name: 'sampling.mirostatEta',
    label: 'Mirostat speed',
    why: 'How fast Mirostat steers after each token.',
    min: 0,
    max: 1,
    step: 0.01,
    emptyMeans: '0.1',
    emptyAt: 0.1,
    isRare: true,
  },
  {
    name: 'sampling.dryMultiplier',
    label: 'DRY strength',
    why: 'Makes going on with something that was said before less likely; 0 is off, 0.8 is usual.',
    min: 0,
    max: 10,
    sliderMax: 2,
    step: 0.05,
    emptyMeans: 'off',
    isRare: true,
  },
  {
    name: 'sampling.dryBase',
    label: 'DRY base',
    why: 'How much stronger DRY grows with each token that a repetition is longer.',
    min: 1,
    max: 8,
    sliderMax: 4,
    step: 0.05,
    emptyMeans: '1.75',
    emptyAt: 1.75,
    isRare: true,
  },
  {
    name: 'sampling.dryAllowedLength',
    label: 'DRY allowed length',
    why: 'Repetitions of up to this many tokens are free.',
    min: 0,
    max: 1_024,
    sliderMax: 20,
    step: 1,
    emptyMeans: '2',
    emptyAt: 2,
    isRare: true,
  },
  {
    name: 'sampling.dryWindow',
    label: 'DRY window',
    why: 'How many tokens back DRY looks; -1 looks at everything.',
    min: -1,
    max: 65_536,
    sliderMax: 4_096,
    step: 1,
    emptyMeans: 'everything',
    isRare: true,
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
