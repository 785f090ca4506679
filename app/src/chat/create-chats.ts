import { AppError } from '../contracts/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Models } from '../models/models.ts';
import { roundsKept, systemOwner } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { createChatCalls } from './chat-calls.ts';
import type { ChatNotice, Chats } from './chats.ts';
import { createEmbeddingCalls } from './embedding-calls.ts';
import { dropStates } from './erase.ts';
import { createExchangeCalls } from './exchange/exchange-calls.ts';
import { createLensCalls } from './lens/lens-calls.ts';
import { createMessageCalls } from './message-calls.ts';
import { createReceiptCalls } from './receipt-calls.ts';
import { createRunCalls } from './run-calls.ts';
import { JournalWriter } from './runs/journal-writer.ts';
import type { ChatsConfig, Engines, RunContext } from './runs/run-context.ts';
import { Suspects } from './runs/suspects.ts';
import { createTakeUp } from './runs/take-up-runs.ts';
import { createSettingsCalls, type SettingsSources } from './settings/settings-calls.ts';
import { createRoutedStore } from './temporary/routed-store.ts';
import { TemporaryChats } from './temporary/temporary-chats.ts';
import { nameChat } from './titles.ts';

export interface ChatsOptions {
  store: Store;
  engines: Engines;
  models: Pick<Models, 'resolve'>;
  clock: Clock;
  log: Log;
  config: ChatsConfig;
  /** Forgets the saved KV state of a chat, null: of all, in memory and on disk. Absent where no engine keeps any. */
  dropState?: (stateKey: string | null) => Promise<void>;
  /** Why new answers are refused at the moment (the outbox is full and the operator chose to wait); absent: never. */
  refusal?: () => AppError | null;
}

/** Idempotency keys older than this are forgotten; no client repeats itself after so long. */
const idempotencyKeptMs = 24 * 60 * 60 * 1000;

export function createChats(options: ChatsOptions): Chats {
  const { store, clock, log, config } = options;
  const temporary = new TemporaryChats();
  const conversations = createRoutedStore(store, temporary);
  const listeners = new Set<(notice: ChatNotice) => void>();
  const closing = new AbortController();
  const background = createBackground(log);
  const context: RunContext = {
    store: conversations,
    engines: options.engines,
    models: options.models,
    clock,
    log,
    config,
    journal: new JournalWriter(conversations, log),
    live: new Map(),
    beginning: new Set(),
    suspects: new Suspects(),
    closing: closing.signal,
    refusal: options.refusal ?? (() => null),
    keep: background.keep,
    notify: (notice) => {
      for (const listener of listeners) tellListener(listener, notice, log);
    },
  };
  const sources: SettingsSources = { store, conversations, defaults: config };
  const parts = { context, store, temporary, dropState: options.dropState ?? (async () => undefined) };

  return {
    ...createChatCalls(parts),
    ...createMessageCalls(parts),
    ...createRunCalls({ context, sources }),
    ...createReceiptCalls(context),
    ...createLensCalls({ context, sources }),
    ...createEmbeddingCalls({ context, sources }),
    ...createSettingsCalls(sources),
    ...createExchangeCalls(context, store),
    ...createTakeUp(parts),
    async close() {
      // With a reason, so that it does not look like the Stop of a person, whose answer would be over.
      closing.abort(new AppError('shutting-down', 'The server is stopping.'));
      await background.ended();
      await context.journal.close();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    jobs: {
      title: (payload, signal) => nameChat(context, sources, payload, signal),
      async retention() {
        const now = await agreedTime(store, clock);
        const { chatIds } = await store.purgeTrash(now);
        await dropStates(parts, chatIds);
        await store.purgeIdempotencyKeys(now - idempotencyKeptMs);
      },
    },
  };
}

/** What goes on after the request that asked for it was answered. */
function createBackground(log: Log): { keep: RunContext['keep']; ended: () => Promise<unknown> } {
  const working = new Set<Promise<void>>();
  return {
    keep: (work) => {
      const kept = work
        .catch((error: unknown) => log.error({ error: String(error) }, 'a run ended in a way it should not'))
        .finally(() => working.delete(kept));
      working.add(kept);
    },
    ended: () => Promise.all(working),
  };
}

/**
 * What is deleted for good is not trusted to one look at the clock: one that jumped ahead and is put right within a day
 * deletes nothing. Every round of the retention that is kept must agree, a day of them, as it comes every hour; while
 * there were not so many, nothing is due.
 */
async function agreedTime(store: Pick<Store, 'listJobs'>, clock: Clock): Promise<number> {
  const rounds = await store.listJobs(systemOwner, { kind: 'retention', active: false, limit: roundsKept });
  return Math.min(clock.now(), rounds[roundsKept - 1]?.finishedAt ?? 0);
}

/** Whoever listens badly costs nobody an answer. */
function tellListener(listener: (notice: ChatNotice) => void, notice: ChatNotice, log: Log): void {
  try {
    listener(notice);
  } catch (error) {
    log.error({ error: String(error) }, 'a listener of chats failed');
  }
}
