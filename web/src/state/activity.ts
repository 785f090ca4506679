import { chatsApi, runsApi } from '../api/chats.ts';
import { ApiError } from '../api/request.ts';
import { remembered } from '../ui/browser.ts';
import { currentRoute } from './route.ts';
import { createStore } from './store.ts';

export interface Activity {
  /** Chat → runs that write into it. */
  running: ReadonlyMap<string, ReadonlySet<string>>;
  unread: ReadonlySet<string>;
}

/** Programs may have chats answered day and night that nobody ever looks at. */
const maxUnread = 100;

export const activity = createStore<Activity>({
  running: new Map(),
  unread: new Set(remembered.read<string[]>('unread', []).slice(-maxUnread)),
});

/** The newest of what there is no end of. */
class Recent {
  readonly #kept = new Set<string>();

  add(id: string): void {
    this.#kept.add(id);
    const [oldest] = this.#kept;
    if (this.#kept.size > 200 && oldest) this.#kept.delete(oldest);
  }

  has(id: string): boolean {
    return this.#kept.has(id);
  }
}

/** Runs that ended lately: word that one of them began may come after it. */
const endedRuns = new Recent();
/** Runs whose end was seen, here or in another tab: word of it may come after that. */
const seenRuns = new Recent();

/** What is over and done with: an answer that was looked at, or one whose chat is gone. */
interface Seen {
  chatId: string;
  runIds: readonly string[];
}

/** Other tabs of this browser hear what one of them has shown. */
const otherTabs = new BroadcastChannel('corral.seen');
otherTabs.addEventListener('message', ({ data }) => takeSeen(data as Seen));

function takeSeen({ chatId, runIds }: Seen): void {
  for (const runId of runIds) seenRuns.add(runId);
  changeUnread([chatId], false);
}

function tellSeen(seen: Seen): void {
  takeSeen(seen);
  otherTabs.postMessage(seen);
}

/** Only what changed here is changed in what is kept: other tabs keep theirs in the same place. */
function changeUnread(chatIds: readonly string[], isUnread: boolean): void {
  const change = (unread: Iterable<string>): Set<string> => {
    const changed = new Set(unread);
    for (const chatId of chatIds) {
      // Taken out first, so that the newest are the last ones.
      changed.delete(chatId);
      if (isUnread) changed.add(chatId);
    }
    return new Set([...changed].slice(-maxUnread));
  };
  remembered.write('unread', [...change(remembered.read<string[]>('unread', []))]);
  const { unread } = activity.get();
  if (chatIds.some((chatId) => unread.has(chatId) !== isUnread))
    activity.set((state) => ({ ...state, unread: change(state.unread) }));
}

export function isLookedAt(chatId: string): boolean {
  const route = currentRoute.get();
  return !document.hidden && route.view === 'chat' && route.chatId === chatId;
}

export function markRun(chatId: string, runId: string, isActive: boolean): void {
  if (!isActive) endedRuns.add(runId);
  else if (endedRuns.has(runId)) return;
  activity.set((state) => {
    const running = new Map(state.running);
    const runs = new Set(running.get(chatId));
    if (isActive) runs.add(runId);
    else runs.delete(runId);
    if (runs.size > 0) running.set(chatId, runs);
    else running.delete(chatId);
    return { ...state, running };
  });
  if (isActive) return;
  if (isLookedAt(chatId)) tellSeen({ chatId, runIds: [runId] });
  else if (!seenRuns.has(runId)) changeUnread([chatId], true);
}

export function markRead(chatId: string): void {
  tellSeen({ chatId, runIds: [] });
}

/** A chat that is gone has no row at which its mark could be taken away; its runs end, and are no news. */
export function forgetActivity(chatId: string): void {
  tellSeen({ chatId, runIds: [...(activity.get().running.get(chatId) ?? [])] });
}

/** After a connection was lost the notices in between are missing: ask what runs; what no more does has ended. */
export async function loadActivity(): Promise<void> {
  const before = activity.get().running;
  const { runs } = await runsApi.active();
  const running = new Map<string, Set<string>>();
  for (const run of runs.filter(({ id }) => !endedRuns.has(id)))
    running.set(run.chatId, (running.get(run.chatId) ?? new Set()).add(run.id));
  activity.set((state) => ({ ...state, running }));
  const ended = [...before].filter(([chatId]) => !running.has(chatId));
  for (const [chatId, runIds] of ended) if (isLookedAt(chatId)) tellSeen({ chatId, runIds: [...runIds] });
  const news = ended.filter(([, runIds]) => ![...runIds].every((runId) => seenRuns.has(runId)));
  changeUnread(
    news.map(([chatId]) => chatId),
    true,
  );
}

let isForgetting = false;

/**
 * A chat may have gone while nobody told this browser so: with the server's memory, or from another machine. One round
 * at a time; where the server cannot tell, a later one has to do.
 */
export async function forgetMissing(): Promise<void> {
  if (isForgetting) return;
  isForgetting = true;
  try {
    for (const chatId of activity.get().unread) if (await isMissing(chatId)) forgetActivity(chatId);
  } finally {
    isForgetting = false;
  }
}

async function isMissing(chatId: string): Promise<boolean> {
  try {
    await chatsApi.open(chatId, { last: 1 });
    return false;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return true;
    throw error;
  }
}
