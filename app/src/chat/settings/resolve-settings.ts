import type { ChatSettings, ResolvedSetting, SettingSource } from '../../contracts/chats.ts';
import { samplingDefaults } from '../../contracts/sampling-defaults.ts';
import type { Sampling } from '../../contracts/sampling.ts';

/** What one source says; weakest first in every list of layers. */
export interface SettingsLayer {
  source: SettingSource;
  settings: ChatSettings;
}

/** Every setting of one answer, with nothing left to inherit. */
export interface EffectiveSettings {
  model: string;
  adapters: { id: string; scale: number }[];
  systemPrompt: string | null;
  format: string | null;
  contextTokens: number | null;
  rememberExchanges: number | null;
  sampling: Sampling;
}

export interface ExplainedSetting extends ResolvedSetting {
  /** What would apply if the strongest source took its word back. */
  inherited: unknown;
  inheritedFrom: SettingSource;
}

const plainNames = [
  'model',
  'adapters',
  'systemPrompt',
  'format',
  'contextTokens',
  'rememberExchanges',
] as const satisfies (keyof ChatSettings)[];

/** A grammar and a JSON schema exclude each other: the stronger word takes the weaker one's place. */
const excludes: Partial<Record<keyof Sampling, keyof Sampling>> = {
  grammar: 'jsonSchema',
  jsonSchema: 'grammar',
};

/** What the operator chose for everybody; `own` is the model's own prompt format. */
export interface ServerDefaults {
  model: string;
  promptFormat: string;
}

export function serverLayer({ model, promptFormat }: ServerDefaults): SettingsLayer {
  return {
    source: 'server',
    settings: {
      model,
      adapters: [],
      systemPrompt: null,
      format: promptFormat === 'own' ? null : promptFormat,
      contextTokens: null,
      rememberExchanges: null,
      sampling: samplingDefaults,
    },
  };
}

export function resolveSettings(layers: readonly SettingsLayer[]): EffectiveSettings {
  const values: Record<string, unknown> = {};
  const sampling: Sampling = {};
  for (const { settings } of layers) {
    for (const name of plainNames) if (settings[name] !== undefined) values[name] = settings[name];
    applySampling(sampling, settings.sampling);
  }
  return { ...(values as Omit<EffectiveSettings, 'sampling'>), sampling };
}

function applySampling(target: Sampling, said: Sampling | undefined): void {
  for (const [name, value] of Object.entries(said ?? {})) {
    if (value === undefined) continue;
    const excluded = excludes[name as keyof Sampling];
    if (excluded) delete target[excluded];
    Object.assign(target, { [name]: value });
  }
}

/** Each value with the source that said it last, and what it would be without that. */
export function explainSettings(layers: readonly SettingsLayer[]): ExplainedSetting[] {
  const said = new Map<string, { source: SettingSource; value: unknown }[]>();
  const note = (name: string, source: SettingSource, value: unknown): void => {
    if (value === undefined) return;
    const words = said.get(name) ?? [];
    words.push({ source, value });
    said.set(name, words);
  };
  for (const { source, settings } of layers) {
    for (const name of plainNames) note(name, source, settings[name]);
    for (const [name, value] of Object.entries(settings.sampling ?? {}))
      note(`sampling.${name}`, source, value);
  }
  return [...said].map(([name, words]) => {
    const last = words.at(-1) ?? { source: 'server' as const, value: null };
    const before = words.at(-2) ?? { source: 'server' as const, value: null };
    return { name, ...last, inherited: before.value, inheritedFrom: before.source };
  });
}

/** Which model the layers name, before the model's own layer can be known. */
export function chosenModel(layers: readonly SettingsLayer[]): string {
  return layers.findLast((layer) => layer.settings.model !== undefined)?.settings.model ?? '';
}
