import { useCallback, useEffect, useRef, useState } from 'react';
import { shownSession } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { currentRoute } from '../state/route.ts';
import { findSession } from '../state/sessions.ts';

/** What is typed or drawn is saved after the hand rests, not at every letter or pixel. */
const restMs = 500;

/** Saves a text for the chat it was typed in, null for the new one; true where it holds exactly as it was typed. */
export type SaveTyped = (text: string, session: ChatSession | null) => boolean;

/**
 * The text of a field while the person is at it. It is saved when the hand rests, and when the field is left or goes
 * away, always for the chat it was typed in. What the field shows stays as it was typed until it is left.
 */
export function useTyped(save: SaveTyped) {
  const [typed, setTyped] = useState<string | null>(null);
  const unsaved = useRef<(() => boolean) | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const flush = useCallback((): boolean => {
    clearTimeout(timer.current);
    const saving = unsaved.current;
    unsaved.current = null;
    return saving?.() ?? false;
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
    text: typed,
    /** `isPart`: as it stands it means nothing, such as the minus before a number. */
    type: (text: string, isPart = false): void => {
      const session = shownSession();
      setTyped(text);
      // A chat that was deleted meanwhile keeps nothing.
      const saving = (): boolean => (!session || findSession(session.id) ? save(text, session) : false);
      unsaved.current = isPart ? null : saving;
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        if (flush()) setTyped(null);
      }, restMs);
    },
    leave,
  };
}
