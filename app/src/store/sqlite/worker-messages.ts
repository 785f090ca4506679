import type { ErrorBody } from '../../contracts/app-error.ts';
import type { Erased, StoreCall } from '../operations/session.ts';
import type { RunNotice } from '../run-store.ts';
import type { Gate } from './gate.ts';

/** What passes between the store and its workers. Many requests, and many replies, may share one message. */
export interface WorkerRequest {
  id: number;
  name: string;
  parameters: unknown[];
}

export interface WorkerReply {
  id: number;
  value?: unknown;
  error?: ErrorBody;
  notices?: RunNotice[];
  erased?: Erased;
  /** Deleted text is still in the log, because somebody reads an older state: `$emptyLog` tries again. */
  logIsHeld?: boolean;
}

/** The first message of a worker. */
export type WorkerGreeting = { ready: WorkerReady } | { failed: ErrorBody };

export interface WorkerReady {
  schemaVersion: number;
  /** What a person should be told. */
  notices: string[];
  /** The calls of the port that it answers: the main thread need not load what only workers run. */
  calls: readonly StoreCall[];
}

/** Given to a worker when it is started. */
export interface WorkerSetup {
  home: string;
  path: string;
  now: number;
  reserveBytes: number;
  /** What a worker waits for before it opens the database. */
  gate?: Gate;
}
