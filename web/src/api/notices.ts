import type { jobRoutes } from '@corral/app/contracts/api/jobs';
import type { ResponseOf } from '@corral/app/contracts/api/route';
import type { Notice } from '@corral/app/contracts/api/streams';
import { startChatWith } from '../state/actions.ts';
import { forgetActivity, forgetMissing, loadActivity, markRun } from '../state/activity.ts';
import { dropKept } from '../state/drafts.ts';
import { findSession, openSessions } from '../state/sessions.ts';
import { createStore } from '../state/store.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { showToast } from '../ui/toasts.tsx';
import { invalidate, keys, queryClient } from './queries.ts';
import { streamClient } from './stream-client.ts';

/** The page on the server is another one than this tab runs; the person reloads when it suits. */
export const isStale = createStore(false);

let bootId: string | null = null;
/** The server was away when the page was opened, and what was to be shown at first is not here. */
let wasAway = false;
/** What is here may be old when the line comes: it was away, or the tab is hidden and has none until it is looked at. */
let mayBeOld = document.hidden;
/** As the server wrote it into the HTML, which may have been kept since an earlier visit. */
const pageVersion = document.querySelector<HTMLMetaElement>('meta[name="corral-page"]')?.content;
/** A page under development is not the server's. */
const isServed = /^[0-9a-f]{16}$/.test(pageVersion ?? '');

/** All that notices tell of: those that came while the line was away are lost. */
const told = [
  keys.chats,
  keys.trash,
  keys.jobs,
  keys.models,
  keys.catalogue,
  keys.disk,
  keys.adapters,
  keys.preferences,
  keys.presets,
  keys.effective,
  keys.log,
];

function lookWhatRuns(isAnotherStock: boolean): void {
  void loadActivity()
    .then(() => (isAnotherStock ? forgetMissing() : undefined))
    .catch(() => undefined);
}

function hello(notice: Extract<Notice, { type: 'hello' }>): void {
  if (isServed && pageVersion !== notice.pageVersion) isStale.set(true);
  const isAnotherStock = bootId !== notice.bootId;
  const isOld = mayBeOld;
  bootId = notice.bootId;
  mayBeOld = true;
  lookWhatRuns(isAnotherStock);
  if (wasAway) everythingChanged();
  wasAway = false;
  for (const session of openSessions())
    if (isOld || session.state.get().status === 'failed') void session.load();
  if (!isOld) return;
  invalidate(...told);
  if (isAnotherStock) invalidate(keys.system);
}

/** Kinds of jobs that bring something, and how it is told. */
const readyWords = new Map<string, (reference: string) => string>([
  ['pull', viewStrings.models.ready],
  ['import', viewStrings.models.ready],
  ['adapter', viewStrings.models.adapterReady],
]);

function jobChanged(notice: Extract<Notice, { type: 'job-changed' }>): void {
  type Jobs = ResponseOf<(typeof jobRoutes)['list']>;
  queryClient.setQueryData<Jobs>(keys.jobs, (list) => {
    // Of a list that nobody asked for yet this would be one entry, taken for all of it.
    if (!list) return undefined;
    const others = list.jobs.filter((job) => job.id !== notice.job.id);
    return { jobs: [notice.job, ...others].sort((left, right) => right.createdAt - left.createdAt) };
  });
  const { job } = notice;
  const ready = readyWords.get(job.kind);
  if (!ready || (job.state !== 'done' && job.state !== 'failed')) return;
  invalidate(keys.models, keys.catalogue, keys.disk, keys.adapters);
  const reference = typeof job.payload['reference'] === 'string' ? job.payload['reference'] : '';
  const use = { label: viewStrings.models.use, run: () => startChatWith(reference) };
  if (job.state === 'done')
    showToast({ text: ready(reference), ...(job.kind === 'pull' ? { action: use } : {}) });
  else if (job.error)
    showToast({
      text: job.error.message,
      kind: 'problem',
      ...(job.error.hint ? { hint: job.error.hint } : {}),
    });
}

function chatChanged(notice: Extract<Notice, { type: 'chat-changed' }>): void {
  invalidate(keys.chats);
  if (notice.change === 'trashed' || notice.change === 'erased') forgetActivity(notice.chatId);
  if (notice.change === 'erased') dropKept(notice.chatId);
  if (notice.change === 'trashed' || notice.change === 'restored' || notice.change === 'erased')
    invalidate(keys.trash);
  findSession(notice.chatId)?.changed(notice.version);
}

function runChanged(notice: Extract<Notice, { type: 'run-changed' }>): void {
  markRun(notice.chatId, notice.runId, notice.state === 'active');
  if (notice.state === 'active') findSession(notice.chatId)?.runBegan(notice.runId);
}

/** A backup took the place of everything. */
function everythingChanged(): void {
  for (const session of openSessions()) void session.load();
  void queryClient.invalidateQueries();
}

function handle(notice: Notice): void {
  switch (notice.type) {
    case 'hello':
      return hello(notice);
    case 'chat-changed':
      return chatChanged(notice);
    case 'run-changed':
      return runChanged(notice);
    case 'job-changed':
      return jobChanged(notice);
    case 'models-changed':
      return invalidate(keys.models, keys.catalogue, keys.disk, keys.adapters, keys.providers);
    case 'preferences-changed':
      return invalidate(keys.preferences, keys.presets, keys.effective);
    case 'log-changed':
      return invalidate(keys.log);
    case 'restored':
      lookWhatRuns(true);
      return everythingChanged();
    case 'unwatched':
    case 'closing':
      return undefined;
  }
}

export function startNotices(): void {
  streamClient.onNotice(handle);
  let wasLost = false;
  streamClient.connection.subscribe(() => {
    const connection = streamClient.connection.get();
    if (connection === 'open' && wasLost) showToast({ text: strings.shell.backOnline });
    wasLost = connection === 'lost';
    wasAway ||= wasLost && bootId === null;
  });
  streamClient.start();
}
