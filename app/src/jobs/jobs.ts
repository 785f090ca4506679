import { uuidv7 } from 'uuidv7';
import { AppError } from '../contracts/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Job, JobStore } from '../store/job-store.ts';
import { createJobWorker, type JobWorker } from './job-worker.ts';
import { createRounds } from './rounds.ts';

/** How one kind of background work is done. */
export interface JobKind {
  /** How many of this kind work at the same time. */
  concurrency: number;
  /** Tries in all, where the error is one that may pass. */
  attempts: number;
  /** Set for work that comes round by itself; it belongs to the system. */
  everyMs?: number;
  /**
   * Does the work. Must stop when the signal aborts and must stand being started again from the beginning: the process
   * may be killed at any moment.
   */
  run(work: JobWork): Promise<void>;
}

export interface JobWork {
  owner: string;
  payload: Record<string, unknown>;
  signal: AbortSignal;
  /** The last thing to know about it; may be called as often as one likes. */
  readonly progress: (progress: Record<string, unknown>) => void;
}

export interface NewWork {
  kind: string;
  payload: Record<string, unknown>;
  /** While work with this key waits or goes on, it is not added again. */
  key?: string;
  runAt?: number;
}

/**
 * All background work: kept in the store, done by whoever has the lease, taken up again after a crash. To pause work
 * is to cancel it; to resume it is to add it again, since every kind goes on from what it finds done.
 */
export interface Jobs {
  start(): Promise<void>;
  add(owner: string, work: NewWork): Promise<Job>;
  get(owner: string, jobId: string): Promise<Job>;
  list(owner: string, filter: { kind?: string; active?: boolean; limit: number }): Promise<Job[]>;
  cancel(owner: string, jobId: string): Promise<Job>;
  /** Hears of every change and all progress of work done by this process. Gives back what ends that. */
  onChange(listener: (job: Job) => void): () => void;
  /** Stops what goes on; it waits in the store for the next start. */
  close(): Promise<void>;
}

export interface JobsOptions {
  store: JobStore;
  clock: Clock;
  log: Log;
  kinds: Record<string, JobKind>;
  /** How often the store is asked for work that came from elsewhere. */
  pollMs?: number;
  leaseMs?: number;
}

const defaultPollMs = 1000;
const defaultLeaseMs = 30_000;

export function createJobs(options: JobsOptions): Jobs {
  const { store, clock, kinds, pollMs = defaultPollMs } = options;
  const listeners = new Set<(job: Job) => void>();
  // The store hears of progress with the lease only; whoever asks in between gets what was said last.
  const said = new Map<string, Job['progress']>();
  const withProgress = (job: Job): Job =>
    job.state === 'working' ? { ...job, progress: said.get(job.id) ?? job.progress } : job;
  const publish = (job: Job): void => {
    if (job.state === 'working') said.set(job.id, job.progress);
    else said.delete(job.id);
    for (const listener of listeners) listener(job);
  };
  const rounds = createRounds({ ...options, pollMs });
  const worker: JobWorker = createJobWorker({
    ...options,
    leaseMs: options.leaseMs ?? defaultLeaseMs,
    onChange: publish,
    onEnd: (job) => rounds.schedule(job.kind),
  });
  let timer: NodeJS.Timeout | undefined;

  return {
    async start() {
      await rounds.start();
      timer = setInterval(() => worker.wake(), pollMs);
      timer.unref();
      worker.wake();
    },
    async add(owner, work) {
      if (!kinds[work.kind])
        throw new AppError('bad-request', `There is no background work of kind ${work.kind}.`);
      const now = clock.now();
      const job = await store.addJob(owner, { id: uuidv7(), createdAt: now, runAt: now, ...work });
      publish(job);
      if (timer) worker.wake();
      return job;
    },
    async get(owner, jobId) {
      const job = await store.getJob(owner, jobId);
      if (!job) throw new AppError('not-found', 'There is no such job.');
      return withProgress(job);
    },
    list: async (owner, filter) => (await store.listJobs(owner, filter)).map(withProgress),
    async cancel(owner, jobId) {
      const job = await store.cancelJob(owner, jobId, clock.now());
      worker.cancelled(jobId);
      publish(job);
      return job;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      clearInterval(timer);
      await rounds.close();
      await worker.close();
    },
  };
}
