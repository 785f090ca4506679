import { createStore, useStore } from './store.ts';
import { timeAgo } from '../ui/times.ts';

/** When it last struck: each minute, and when somebody comes back to the tab. */
export const clock = createStore(Date.now());

function strike(): void {
  if (!document.hidden) clock.set(Date.now());
}

setInterval(strike, 60_000);
document.addEventListener('visibilitychange', strike);

/** As people say it, and said anew as time goes by. */
export function useTimeAgo(time: number): string {
  useStore(clock);
  return timeAgo(time);
}

/** What is drawn by days is drawn again when one ends. */
export const midnightOf = (time: number): number => new Date(time).setHours(0, 0, 0, 0);
