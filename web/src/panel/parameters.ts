import type { ChatSettings } from '@corral/app/contracts/chats';
import type { Sampling } from '@corral/app/contracts/sampling';
import { parameterStrings } from '../strings-parameters.ts';

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
    ...parameterStrings.temperature,
    min: 0,
    max: 5,
    sliderMax: 2,
    step: 0.05,
  },
  {
    name: 'sampling.topK',
    ...parameterStrings.topK,
    min: 0,
    max: 100_000,
    sliderMax: 200,
    step: 1,
  },
  {
    name: 'sampling.topP',
    ...parameterStrings.topP,
    min: 0.01,
    max: 1,
    step: 0.01,
  },
  {
    name: 'sampling.minP',
    ...parameterStrings.minP,
    min: 0,
    max: 1,
    step: 0.01,
  },
  {
    name: 'sampling.repetitionPenalty',
    ...parameterStrings.repetitionPenalty,
    min: 0.01,
    max: 5,
    sliderMax: 2,
    step: 0.01,
  },
];

export const limitParameters: readonly NumberParameter[] = [
  {
    name: 'sampling.maxNewTokens',
    ...parameterStrings.maxNewTokens,
    min: 1,
    max: 1_048_576,
    sliderMax: 4_096,
    step: 1,
  },
  {
    name: 'sampling.seed',
    ...parameterStrings.seed,
    min: 0,
    max: 4_294_967_295,
    step: 1,
  },
];

export const memoryParameters: readonly NumberParameter[] = [
  {
    name: 'rememberExchanges',
    ...parameterStrings.rememberExchanges,
    min: 0,
    max: 10_000,
    sliderMax: 50,
    step: 1,
  },
  {
    name: 'contextTokens',
    ...parameterStrings.contextTokens,
    min: 64,
    max: 1_048_576,
    sliderMax: 32_768,
    step: 64,
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
