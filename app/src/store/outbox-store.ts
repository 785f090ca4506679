import type { Page, PageRequest } from './store.ts';

/** An event for the log sink, with the exact bytes that will be signed and sent. */
export interface NewOutboxEvent {
  /** Also the `webhook-id`: the same at each attempt. */
  id: string;
  /** Events of one conversation are delivered in the order they were written. */
  conversationId: string;
  body: string;
  createdAt: number;
}

export interface OutboxEvent extends NewOutboxEvent {
  owner: string;
  /** Rises with every event written, over all conversations. */
  sequence: number;
  attempts: number;
  nextAttemptAt: number;
  lastError: string | null;
  state: 'pending' | 'dead';
}

export interface OutboxStatus {
  pending: number;
  pendingBytes: number;
  oldestPendingAt: number | null;
  dead: number;
  deadBytes: number;
  delivered: number;
  /** Dropped by the bounds, since the beginning. */
  dropped: number;
  lastDeliveredAt: number | null;
  lastError: string | null;
  /** Not null: delivery was switched off by the sink (410). */
  disabled: { reason: string; since: number } | null;
}

export type DeliveryOutcome =
  /** The row goes; it counts as delivered. */
  | { id: string; outcome: 'delivered'; now: number }
  | { id: string; outcome: 'retry'; nextAttemptAt: number; error: string }
  /** It was tried before its time: that is none of its attempts, and it waits as before. */
  | { id: string; outcome: 'early'; error: string }
  | { id: string; outcome: 'dead'; error: string };

/** Used by the sender, which works for all owners; every row still carries its own. */
export interface OutboxStore {
  addOutboxEvents(owner: string, events: NewOutboxEvent[]): Promise<void>;
  /**
   * For each conversation its first pending event, if that is due; lowest sequence first. Conversations in `except`
   * (being sent to at the moment) are left out. While delivery is switched off nothing is due.
   */
  dueOutboxEvents(query: { now: number; limit: number; except: string[] }): Promise<OutboxEvent[]>;
  /** When the next event becomes due; null: nothing is pending. */
  nextOutboxAttempt(): Promise<number | null>;
  /** Several at once, one commit. Unknown ids (erased meanwhile) are passed over. */
  recordDeliveries(outcomes: DeliveryOutcome[]): Promise<void>;
  outboxStatus(): Promise<OutboxStatus>;
  listDeadEvents(page: PageRequest): Promise<Page<OutboxEvent>>;
  /** Dead ones become pending again, due now, with their old id, in their old order; absent ids: all of them. */
  replayDeadEvents(query: { ids?: string[]; now: number }): Promise<number>;
  /**
   * The time by which events are old. From one call to the next, also over a restart, it rises by at most an hour: a
   * clock that jumps ahead and is put right drops none.
   */
  ageOutbox(now: number): Promise<number>;
  /** Drops the oldest pending and dead ones until the bounds hold; gives how many, and counts them as dropped. */
  trimOutbox(bounds: { maxBytes: number; createdBefore: number }): Promise<number>;
  /**
   * Erases for good what waits of conversations that are not stored as chats (temporary ones), pending or dead, and
   * like `erase` from the files and the backups too, also where nothing waits any more.
   */
  eraseOutboxEvents(owner: string, conversationIds: string[]): Promise<void>;
  setOutboxDisabled(disabled: { reason: string; since: number } | null): Promise<void>;
}
