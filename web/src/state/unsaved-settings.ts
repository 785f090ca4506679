import type { ChatSettings } from '@corral/app/contracts/chats';
import { ownByName } from './own-by-name.ts';
import { createStore, useSelected } from './store.ts';

/** What was typed for one setting of a chat and the server does not have yet. */
export interface UnsavedSetting {
  chatId: string;
  /** As `GET /api/settings` names it; one adapter of several is `adapters/ID`. */
  name: string;
  text: string;
  hasFailed: boolean;
  /** The same as long as it is the same attempt to save it. */
  save: () => void;
}

type Place = Pick<UnsavedSetting, 'chatId' | 'name'>;

/** Here and not in the field: that shows another chat or is gone when one hears that the server did not take it. */
const unsaved = createStore<readonly UnsavedSetting[]>([]);

const isAt = (place: Place, other: Place): boolean =>
  other.chatId === place.chatId && other.name === place.name;

/** Takes the place of what was typed there before. */
export function keepUnsaved(setting: UnsavedSetting): void {
  unsaved.set((list) => [...list.filter((other) => !isAt(setting, other)), setting]);
}

export function forgetUnsaved(setting: UnsavedSetting): void {
  unsaved.set((list) => list.filter(({ save }) => save !== setting.save));
}

/** Nothing newer took its place. */
export function isStillUnsaved(setting: UnsavedSetting): boolean {
  return unsaved.get().some(({ save }) => save === setting.save);
}

export function hasUnsaved(place: Place): boolean {
  return unsaved.get().some((setting) => isAt(place, setting));
}

/** What is chosen otherwise, by a reset or a preset, is meant to hold instead of what was typed. */
export function forgetOverruled(chatId: string, before: ChatSettings, after: ChatSettings): void {
  const [old, chosen] = [ownByName(before), ownByName(after)];
  const isOverruled = ({ name }: UnsavedSetting): boolean => {
    const [setting = name] = name.split('/');
    return old.get(setting) !== chosen.get(setting);
  };
  unsaved.set((list) => list.filter((setting) => setting.chatId !== chatId || !isOverruled(setting)));
}

/** What could not be saved there, for the field to go on showing it. */
export function useFailed(chatId: string, name: string): UnsavedSetting | undefined {
  return useSelected(unsaved, (list) =>
    list.find((setting) => setting.hasFailed && isAt({ chatId, name }, setting)),
  );
}
