import { runsApi } from '../api/chats.ts';
import { remembered } from '../ui/browser.ts';
import { currentRoute } from './route.ts';
import { createStore } from './store.ts';

export interface Activity {
  /** Chat → runs that write into it. */
  running: ReadonlyMap<string, ReadonlySet<string>>;
  unread: ReadonlySet<string>;
}

export const activity = createStore<Activity>({
  running: new Map(),
  unread: new Set(remembered.read<string[]>('unread', [])),
});

/** Runs that ended lately: word that one of them began may come after it. */
const endedRuns = new Set<string>();
const keptEnded = 200;

function rememberEnd(runId: string): void {
  endedRuns.add(runId);
  const [oldest] = endedRuns;
  if (endedRuns.size > keptEnded && oldest) endedRuns.delete(oldest);
}

export function isLookedAt(chatId: string): boolean {
  const route = currentRoute.get();
  return !document.hidden && route.view === 'chat' && route.chatId === chatId;
}

export function markRun(chatId: string, runId: string, isActive: boolean): void {
  if (!isActive) rememberEnd(runId);
  else if (endedRuns.has(runId)) return;
  activity.set((state) => {
    const running = new Map(state.running);
    const runs = new Set(running.get(chatId));
    if (isActive) runs.add(runId);
    else runs.delete(runId);
    if (runs.size > 0) running.set(chatId, runs);
    else running.delete(chatId);
    const unread = new Set(state.unread);
    if (!isActive && !isLookedAt(chatId)) unread.add(chatId);
    remembered.write('unread', [...unread]);
    return { running, unread };
  });
}

export function markRead(chatId: string): void {
  if (!activity.get().unread.has(chatId)) return;
  activity.set((state) => {
    const unread = new Set(state.unread);
    unread.delete(chatId);
    remembered.write('unread', [...unread]);
    return { ...state, unread };
  });
}

/** After a connection was lost the notices in between are missing: ask what runs; what no more does has ended. */
export async function loadActivity(): Promise<void> {
  const before = [...activity.get().running.keys()];
  const { runs } = await runsApi.active();
  const running = new Map<string, Set<string>>();
  for (const run of runs.filter(({ id }) => !endedRuns.has(id)))
    running.set(run.chatId, (running.get(run.chatId) ?? new Set()).add(run.id));
  const ended = before.filter((chatId) => !running.has(chatId) && !isLookedAt(chatId));
  activity.set((state) => {
    const unread = new Set([...state.unread, ...ended]);
    remembered.write('unread', [...unread]);
    return { running, unread };
  });
}
