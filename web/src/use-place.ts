import { useEffect } from 'react';
import { rememberPlace } from './state/route.ts';

/** Keeps where this browser is, as of the tab that is looked at; undefined: not known yet. */
export function usePlace(chatId: string | null | undefined): void {
  useEffect(() => {
    const look = (): void => {
      if (chatId !== undefined && !document.hidden) rememberPlace(chatId);
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [chatId]);
}
