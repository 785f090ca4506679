import { AppError } from '../../contracts/app-error.ts';
import { chatSettingsSchema, presetSchema, type Chat, type ChatSettings } from '../../contracts/chats.ts';
import type { SettingsStore } from '../../store/settings-store.ts';
import type { SettingsCalls } from '../chats.ts';
import type { ConversationStore } from '../conversation-store.ts';
import { notFound } from '../refusals.ts';
import {
  chosenModel,
  explainSettings,
  resolveSettings,
  serverLayer,
  type EffectiveSettings,
  type ServerDefaults,
  type SettingsLayer,
} from './resolve-settings.ts';

export interface SettingsSources {
  store: SettingsStore;
  conversations: Pick<ConversationStore, 'getChat'>;
  /** The operator's. */
  defaults: ServerDefaults;
}

/** Server → model → preference → chat → message; the model's layer depends on what the others choose. */
export async function settingsLayers(
  sources: SettingsSources,
  owner: string,
  said: { chat?: ChatSettings; message?: ChatSettings },
): Promise<SettingsLayer[]> {
  const preferences = await sources.store.getPreferences(owner);
  const layers: SettingsLayer[] = [
    serverLayer(sources.defaults),
    { source: 'preference', settings: preferences.settings },
    { source: 'chat', settings: said.chat ?? {} },
    { source: 'message', settings: said.message ?? {} },
  ];
  return withModel(sources, owner, layers);
}

/** For answers outside of any chat: what a person likes in the page is not what a program asks for. */
export function programLayers(
  sources: SettingsSources,
  owner: string,
  message: ChatSettings,
): Promise<SettingsLayer[]> {
  const layers: SettingsLayer[] = [serverLayer(sources.defaults), { source: 'message', settings: message }];
  return withModel(sources, owner, layers);
}

async function withModel(
  { store }: SettingsSources,
  owner: string,
  layers: readonly SettingsLayer[],
): Promise<SettingsLayer[]> {
  const { settings } = await store.getModelSettings(owner, chosenModel(layers));
  const { model: _own, ...ofModel } = settings;
  return layers.toSpliced(1, 0, { source: 'model', settings: ofModel });
}

export async function settle(
  sources: SettingsSources,
  owner: string,
  said: { chat: Pick<Chat, 'settings'>; message: ChatSettings },
): Promise<EffectiveSettings> {
  const layers = await settingsLayers(sources, owner, {
    chat: checked(said.chat.settings),
    message: checked(said.message),
  });
  return resolveSettings(layers);
}

export function createSettingsCalls(sources: SettingsSources): SettingsCalls {
  const { store } = sources;
  return {
    async effectiveSettings(owner, { chatId, model }) {
      const chat = chatId === undefined ? null : await sources.conversations.getChat(owner, chatId);
      if (chatId !== undefined && !chat) throw notFound('chat');
      const message = model === undefined ? {} : { model };
      return explainSettings(await settingsLayers(sources, owner, { chat: chat?.settings ?? {}, message }));
    },
    preferences: (owner) => store.getPreferences(owner),
    async savePreferences(owner, { version, settings, page }) {
      return store.setPreferences(owner, {
        version: version ?? (await store.getPreferences(owner)).version,
        ...(settings === undefined ? {} : { settings: checked(settings) }),
        ...(page === undefined ? {} : { page }),
      });
    },
    modelSettings: (owner, model) => store.getModelSettings(owner, model),
    async saveModelSettings(owner, model, { version, settings }) {
      const known = version ?? (await store.getModelSettings(owner, model)).version;
      return store.setModelSettings(owner, { model, version: known, settings: checked(settings) });
    },
    presets: (owner) => store.listPresets(owner),
    async savePreset(owner, { name, version, settings }) {
      const known = (await store.listPresets(owner)).find((preset) => preset.name === name);
      const preset = { name, settings: checked(settings), version: version ?? known?.version ?? 0 };
      const named = presetSchema.shape.name.safeParse(name);
      if (!named.success)
        throw new AppError('value-out-of-range', 'the name of a preset has 1 to 80 characters');
      return store.savePreset(owner, preset);
    },
    deletePreset: (owner, name) => store.deletePreset(owner, name),
  };
}

/** Settings that did not come through the server's gate (imports, older rows) obey the same limits. */
export function checked(settings: ChatSettings): ChatSettings {
  const parsed = chatSettingsSchema.safeParse(settings);
  if (parsed.success) return settings;
  const [issue] = parsed.error.issues;
  throw new AppError(
    'value-out-of-range',
    `\`${issue?.path.join('.') ?? 'settings'}\`: ${issue?.message ?? 'not valid'}`,
    {
      details: { field: issue?.path.join('.') },
    },
  );
}
