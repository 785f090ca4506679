import type { ErrorBody } from '../contracts/app-error.ts';
import type { AnswerOutcome, Chat, ChatMessage, ChatSettings } from '../contracts/chats.ts';
import type { EndReason } from '../contracts/run-parts.ts';
import type { Receipt, Run } from '../contracts/runs.ts';
import type { NewMessage } from './chat-store.ts';
import type { NewJob } from './job-store.ts';
import type { NewOutboxEvent } from './outbox-store.ts';

/** A run with what only the server needs to know. */
export interface RunRecord extends Run {
  owner: string;
  /**
   * Whatever `chat/runs` needs to take it up again, as it wrote it: the settings as they were resolved, with the seed.
   * The store does not look inside.
   */
  state: RunState;
  /** How often an engine went away under it. */
  engineCrashes: number;
  /** Offsets at which it was taken up again. */
  resumedAt: number[];
}

export type RunState = Record<string, unknown>;

/** One answer to be written: a new message, or an existing one that is continued. */
export interface AcceptedAnswer {
  runId: string;
  settings: ChatSettings;
  state: RunState;
  target:
    | { kind: 'new'; messageId: string; model: string | null }
    /** Its length becomes the run's `startOffset`; it must be an answer that no run is writing. */
    | { kind: 'continue'; messageId: string; version: number };
}

export interface AcceptRuns {
  chatId: string;
  now: number;
  /** The same key with the same hash gives the first acceptance again; with another hash: `idempotency-mismatch`. */
  idempotency?: { key: string; requestHash: string };
  /** What the writer saw. A version older than the message's rejects with `conflict`. */
  parent: { id: string; version: number } | null;
  /** Put below `parent`; absent: the answers go directly below `parent` (regenerate). */
  userMessage?: NewMessage;
  /** Siblings, in order. The first becomes the active leaf. */
  answers: AcceptedAnswer[];
}

export interface AcceptedRuns {
  chat: Chat;
  userMessage: ChatMessage | null;
  answers: { run: RunRecord; message: ChatMessage }[];
  /** True: the key was known, and nothing was written. */
  repeated: boolean;
}

export interface JournalEntry {
  owner: string;
  runId: string;
  epoch: number;
  /** Must be the run's `durableOffset`. */
  offset: number;
  text: string;
}

export interface JournalText {
  epoch: number;
  /** From `from` to `durableOffset`. */
  text: string;
  durableOffset: number;
  phase: Run['phase'];
}

export interface FinishRun {
  runId: string;
  epoch: number;
  now: number;
  /** What the journal does not have yet. */
  tail: { offset: number; text: string };
  endReason: EndReason;
  error: ErrorBody | null;
  messageState: ChatMessage['state'];
  outcome: AnswerOutcome;
  receipt: Receipt | null;
  events: NewOutboxEvent[];
  jobs: NewJob[];
}

/** Something about a run changed; carries no text. */
export interface RunNotice {
  runId: string;
  epoch: number;
  durableOffset: number;
  phase: Run['phase'];
}

export interface RunStore {
  /** User message, answers, runs, active leaf and `updatedAt`, in one transaction. On disk when it resolves. */
  acceptRuns(owner: string, write: AcceptRuns): Promise<AcceptedRuns>;
  /** What a key led to, before anything of the request is looked at again; null: the key is new. */
  acceptedBefore(
    owner: string,
    idempotency: { key: string; requestHash: string },
  ): Promise<AcceptedRuns | null>;
  getRun(owner: string, runId: string): Promise<RunRecord | null>;
  listRuns(owner: string, filter: { active?: boolean; chatId?: string; limit: number }): Promise<Run[]>;
  /** Of all owners, oldest first: what a start has to take up again. */
  unfinishedRuns(): Promise<RunRecord[]>;
  /** Changes the phase or what is needed to resume. A run that ended, or has a newer epoch, rejects with `conflict`. */
  updateRun(
    owner: string,
    write: { runId: string; epoch: number; phase?: Run['phase']; state?: RunState },
  ): Promise<void>;
  /**
   * The run is taken up again: raises its epoch and gives the text of its whole message as the journal has it.
   * `engineCrashed` also counts a crash. Rejects with `conflict` when the epoch is not `epoch` or the run ended.
   */
  resumeRun(
    owner: string,
    write: { runId: string; epoch: number; engineCrashed: boolean },
  ): Promise<{ run: RunRecord; text: string }>;
  /**
   * Makes text of many runs durable in one commit. An entry whose run ended, whose epoch is old or whose offset is not
   * the durable one is left out and named; the others are written.
   */
  appendJournal(entries: JournalEntry[]): Promise<{ refusedRunIds: string[] }>;
  /** Null for an unknown run. For an ended one: the rest of its message. */
  readJournal(owner: string, runId: string, from: number): Promise<JournalText | null>;
  /**
   * Message, receipt, outbox events, jobs and the end of the run in one transaction; its journal rows go.
   * False, with nothing written: it had ended before, or another epoch has it.
   */
  finishRun(owner: string, write: FinishRun): Promise<boolean>;
  /**
   * Notices from now on, first one that tells the present state; ends after the one with phase `ended`, or when the
   * signal aborts. Notices may be merged; the last one is never lost.
   */
  watchRun(owner: string, runId: string, signal: AbortSignal): AsyncIterable<RunNotice>;
  /** Of one answer, oldest first: one for each run that wrote at it. */
  listReceipts(owner: string, messageId: string): Promise<Receipt[]>;
  getReceipt(owner: string, runId: string): Promise<Receipt | null>;
  /** Forgets idempotency keys made before. */
  purgeIdempotencyKeys(before: number): Promise<number>;
}
