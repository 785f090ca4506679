import type { ErrorBody } from '../contracts/app-error.ts';

export interface NewJob {
  id: string;
  /** `title`, `pull`, `retention`, `backup`, … */
  kind: string;
  payload: Record<string, unknown>;
  createdAt: number;
  runAt: number;
  /** While a job with this key waits or works, another one is not made. */
  key?: string;
}

export interface Job extends Omit<NewJob, 'key'> {
  owner: string;
  key: string | null;
  state: 'waiting' | 'working' | 'done' | 'failed' | 'cancelled';
  attempts: number;
  progress: Record<string, unknown> | null;
  error: ErrorBody | null;
  /** Who works at it, until when; another may take it afterwards. */
  leasedBy: string | null;
  leasedUntil: number | null;
  finishedAt: number | null;
}

export interface JobStore {
  /** The job with the same key, if one waits or works; else the new one. */
  addJob(owner: string, job: NewJob): Promise<Job>;
  getJob(owner: string, jobId: string): Promise<Job | null>;
  listJobs(owner: string, filter: { kind?: string; active?: boolean; limit: number }): Promise<Job[]>;
  /**
   * Takes the oldest due job of these kinds (all owners), counting an attempt unless this worker has it already; null:
   * none is due.
   */
  leaseJob(query: { kinds: string[]; worker: string; now: number; leasedUntil: number }): Promise<Job | null>;
  /** Extends the lease and tells progress. False: the lease was lost or the job cancelled; stop. */
  renewJob(write: {
    jobId: string;
    worker: string;
    leasedUntil: number;
    progress?: Record<string, unknown>;
  }): Promise<boolean>;
  /** Ends it: done, failed for good, or (`retryAt`) waiting again; without an error the attempt does not count. */
  finishJob(write: {
    jobId: string;
    worker: string;
    now: number;
    error?: ErrorBody;
    retryAt?: number;
  }): Promise<boolean>;
  cancelJob(owner: string, jobId: string, now: number): Promise<Job>;
  /** Forgets those that ended before, but not the newest rounds: how old they are is told by a clock that may be wrong. */
  purgeJobs(finishedBefore: number): Promise<number>;
}
