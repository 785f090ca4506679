import type { ChatSettings } from '@corral/app/contracts/chats';
import { keys, queryClient, useModels, usePreferences, useSystem } from '../api/queries.ts';
import type { modelsApi, settingsApi, systemApi } from '../api/resources.ts';
import { isEmptyDraft, newDraftId } from './draft.ts';
import { draftOf } from './drafts.ts';
import { lastModel } from './last-model.ts';
import type { SettingsChange } from './settings-changes.ts';
import { createStore, useSelected, useStore } from './store.ts';

/** What is chosen for the chat that is not there yet stands beside what is written for it, and is kept with that. */
const draft = draftOf(newDraftId);

export interface NewChat {
  /** Only what somebody chose. */
  settings: ChatSettings;
  isTemporary: boolean;
}

export function newChat(): NewChat {
  const { settings, isTemporary } = draft.get();
  return { settings, isTemporary: isTemporary === true };
}

export function useNewChat(): NewChat {
  const settings = useSelected(draft, (now) => now.settings);
  const isTemporary = useSelected(draft, (now) => now.isTemporary === true);
  return { settings, isTemporary };
}

export function changeNewChat(change: SettingsChange): void {
  draft.set((now) => ({ ...now, settings: change(now.settings) }));
}

export function toggleTemporary(): void {
  draft.set((now) => ({ ...now, isTemporary: !now.isTemporary }));
}

/** It goes on with the model of the last chat; what another tab does meanwhile changes nothing under one's eyes. */
const inherited = createStore(lastModel());

type Result<Ask extends () => Promise<unknown>> = Awaited<ReturnType<Ask>>;

interface Known {
  models: Result<typeof modelsApi.list> | undefined;
  system: Result<typeof systemApi.show> | undefined;
  preferences: Result<typeof settingsApi.preferences> | undefined;
}

/**
 * The model is here, and neither the person's preferences nor the operator say which one a new chat has. What is not
 * known speaks for it.
 */
function isFree(model: string, { models, system, preferences }: Known): boolean {
  return (
    preferences?.settings.model === undefined &&
    !system?.locked.some((setting) => setting.name === 'model') &&
    models?.models.some(({ id }) => id === model) !== false
  );
}

/** The model with which the new chat begins where none is chosen; undefined: that of any new chat. */
function inheritedModel(): string | undefined {
  const model = inherited.get();
  const known: Known = {
    models: queryClient.getQueryData(keys.models),
    system: queryClient.getQueryData(keys.system),
    preferences: queryClient.getQueryData(keys.preferences),
  };
  return model !== undefined && isFree(model, known) ? model : undefined;
}

/** As it is made: what somebody chose, and the model of the chat before. */
export function settingsOfNewChat(): ChatSettings {
  const { settings } = newChat();
  const model = settings.model ?? inheritedModel();
  return model === undefined ? settings : { ...settings, model };
}

export function useInheritedModel(isWanted: boolean): string | undefined {
  const model = useStore(inherited);
  const models = useModels().data;
  const system = useSystem().data;
  const preferences = usePreferences(isWanted && model !== undefined).data;
  return isWanted && model !== undefined && isFree(model, { models, system, preferences })
    ? model
    : undefined;
}

/** Unless something is written for it already: that goes out as it was meant. */
export function inheritModel(): void {
  if (isEmptyDraft(draft.get())) inherited.set(lastModel());
}

/** Unless something is written for it already. */
export function resetNewChat(): void {
  if (!isEmptyDraft(draft.get())) return;
  inheritModel();
  draft.set((now) => ({ ...now, settings: {}, isTemporary: false }));
}
