import type { EffectiveSetting } from '@corral/app/contracts/api/settings';
import type { ChatSettings } from '@corral/app/contracts/chats';
import { useEffective, useModels, useSystem } from '../api/queries.ts';
import { useInheritedModel, useNewChat } from './new-chat.ts';
import { ownByName } from './own-by-name.ts';
import { currentRoute } from './route.ts';
import { findSession } from './sessions.ts';
import { createStore, useStore } from './store.ts';

const none = createStore<null>(null);

/** Settings of the shown chat itself, without what it inherits. */
export function useOwnSettings(): ChatSettings {
  const route = useStore(currentRoute);
  const draft = useNewChat();
  const session = route.view === 'chat' ? findSession(route.chatId) : undefined;
  const state = useStore<{ chat?: { settings: ChatSettings } | null } | null>(session?.state ?? none);
  return session ? (state?.chat?.settings ?? {}) : draft.settings;
}

export function useShownChatId(): string | undefined {
  const route = useStore(currentRoute);
  return route.view === 'chat' ? route.chatId : undefined;
}

const unset = { inherited: null, inheritedFrom: 'server', supported: null } as const;

/** What was just changed here holds at once; the server's answer follows. */
function withOwn(effective: readonly EffectiveSetting[], own: ChatSettings): Map<string, EffectiveSetting> {
  const named = ownByName(own);
  const settings = new Map<string, EffectiveSetting>();
  for (const setting of effective) {
    const isOwn = setting.source === 'chat' || setting.source === 'message';
    if (named.has(setting.name)) {
      const before = isOwn ? {} : { inherited: setting.value, inheritedFrom: setting.source };
      settings.set(setting.name, { ...setting, ...before, value: named.get(setting.name), source: 'chat' });
    } else if (isOwn)
      settings.set(setting.name, { ...setting, value: setting.inherited, source: setting.inheritedFrom });
    else settings.set(setting.name, setting);
  }
  // The server tells nothing of what nobody has set.
  for (const [name, value] of named)
    if (!settings.has(name)) settings.set(name, { ...unset, name, value, source: 'chat' });
  return settings;
}

/** The model that the chat itself has, by choice or, where it is not there yet, from the one before it. */
function useOwnModel(): string | undefined {
  const own = useOwnSettings();
  const isNew = useShownChatId() === undefined;
  const inherited = useInheritedModel(isNew);
  return own.model ?? inherited;
}

/** Every setting as the next message would use it, by name. */
export function useSettings() {
  const chatId = useShownChatId();
  const own = useOwnSettings();
  const model = useOwnModel();
  const query = chatId ? { chatId } : model ? { model } : {};
  const { data } = useEffective(query);
  return {
    settings: withOwn(data?.settings ?? [], own),
    formats: data?.formats ?? [],
    isReady: data !== undefined,
  };
}

/** The model that would answer the next message. */
export function useAnsweringModel(): string | null {
  const own = useOwnModel();
  const { settings } = useSettings();
  const listed = useModels().data?.defaultModel;
  const system = useSystem().data?.defaultModel;
  const fallback = listed ?? system ?? null;
  const effective = settings.get('model')?.value;
  return own ?? (typeof effective === 'string' ? effective : fallback);
}
