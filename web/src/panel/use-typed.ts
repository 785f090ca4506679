import { useCallback, useEffect, useRef, useState } from 'react';
import { saveSettings, shownSession } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { currentRoute } from '../state/route.ts';
import { findSession } from '../state/sessions.ts';
import type { SettingsChange } from '../state/settings-changes.ts';
import {
  forgetUnsaved,
  hasUnsaved,
  isStillUnsaved,
  keepUnsaved,
  useFailed,
  type UnsavedSetting,
} from '../state/unsaved-settings.ts';
import { useShownChatId } from '../state/use-settings.ts';
import { attempt } from '../ui/problems.ts';

/** What is typed or drawn is saved after the hand rests, not at every letter or pixel. */
const restMs = 500;
/** In the place of the id of a chat that is not there yet. */
const newChatId = 'new';

/** What a text says of the settings. */
export interface Meaning {
  change: SettingsChange;
  /** It is not what holds already. */
  isNews: boolean;
  /** It holds exactly as it was typed. */
  isExact: boolean;
}

/** Saves a text for the chat it was typed in, null for the new one. It is kept until the server has it. */
function saveTyped(
  place: { session: ChatSession | null; name: string; text: string },
  change: SettingsChange,
  onSaved: () => void,
): void {
  const { session, name, text } = place;
  const work = async (): Promise<void> => {
    if (!isStillUnsaved(setting)) return;
    try {
      await saveSettings(change, session);
    } catch (error) {
      if (!isStillUnsaved(setting)) return;
      keepUnsaved({ ...setting, hasFailed: true });
      throw error;
    }
    forgetUnsaved(setting);
    onSaved();
  };
  const setting: UnsavedSetting = {
    chatId: session?.id ?? newChatId,
    name,
    text,
    hasFailed: false,
    save: () => attempt(work),
  };
  keepUnsaved(setting);
  setting.save();
}

/**
 * The text of a field while the person is at it, read by `read`; null where it means nothing. It is saved when the hand
 * rests, and when the field is left or goes away, always for the chat it was typed in. What the field shows stays as it
 * was typed until it is left, and where it cannot be saved until it is.
 */
export function useTyped(name: string, read: (text: string) => Meaning | null) {
  const [typed, setTyped] = useState<string | null>(null);
  const failed = useFailed(useShownChatId() ?? newChatId, name);
  const unsent = useRef<(() => void) | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const flush = useCallback((): void => {
    clearTimeout(timer.current);
    const send = unsent.current;
    unsent.current = null;
    send?.();
  }, []);
  const leave = useCallback((): void => {
    flush();
    setTyped(null);
  }, [flush]);
  useEffect(() => {
    const forget = currentRoute.subscribe(leave);
    return () => {
      forget();
      leave();
    };
  }, [leave]);
  return {
    /** Null: the field shows what holds. */
    text: typed ?? failed?.text ?? null,
    /** Null where nothing failed. */
    retry: failed?.save ?? null,
    /** `isPart`: as it stands it means nothing, such as the minus before a number. */
    type: (text: string, isPart = false): void => {
      const session = shownSession();
      setTyped(text);
      const meaning = isPart ? null : read(text);
      const onSaved = (): void => {
        if (meaning?.isExact) setTyped((now) => (now === text ? null : now));
      };
      unsent.current =
        meaning &&
        (() => {
          // A chat that was deleted meanwhile keeps nothing.
          if (session && !findSession(session.id)) return;
          if (meaning.isNews || hasUnsaved({ chatId: session?.id ?? newChatId, name }))
            saveTyped({ session, name, text }, meaning.change, onSaved);
          else onSaved();
        });
      clearTimeout(timer.current);
      timer.current = setTimeout(flush, restMs);
    },
    leave,
  };
}
