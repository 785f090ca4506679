import { uuidv7 } from 'uuidv7';
import { AppError, toAppError } from '../contracts/app-error.ts';
import type { Job } from '../store/job-store.ts';
import { retryDelayMs } from './retry-delay.ts';
import type { JobKind, JobsOptions } from './jobs.ts';

export interface JobWorkerOptions extends JobsOptions {
  leaseMs: number;
  onChange(job: Job): void;
  onEnd(job: Job): Promise<void>;
}

export interface JobWorker {
  /** There may be something to do. */
  wake(): void;
  /** The store has it as cancelled; if it is being worked at here, it stops. */
  cancelled(jobId: string): void;
  close(): Promise<void>;
}

interface Working {
  job: Job;
  controller: AbortController;
  ended: Promise<void>;
}

/** Takes work from the store as long as there is room for its kind, and does it. */
export function createJobWorker(options: JobWorkerOptions): JobWorker {
  const name = uuidv7();
  const working = new Map<string, Working>();
  const closing = new AbortController();
  let looking: Promise<void> | undefined;
  let lookAgain = false;

  const kindsWithRoom = (): string[] =>
    Object.entries(options.kinds)
      .filter(([kind, { concurrency }]) => countOf(working, kind) < concurrency)
      .map(([kind]) => kind);

  const lookForWork = async (): Promise<void> => {
    do {
      lookAgain = false;
      for (
        let kinds = kindsWithRoom();
        kinds.length > 0 && !closing.signal.aborted;
        kinds = kindsWithRoom()
      ) {
        const job = await takeJob(options, name, kinds);
        if (!job) break;
        // After sleep the lease of work that goes on here has passed before it was renewed; now it is.
        if (!working.has(job.id)) begin(job);
      }
    } while (lookAgain && !closing.signal.aborted);
  };
  const wake = (): void => {
    lookAgain = true;
    if (closing.signal.aborted || looking) return;
    looking = lookForWork()
      .catch((error: unknown) =>
        options.log.warn({ part: 'jobs', error: String(error) }, 'no work could be taken'),
      )
      .finally(() => (looking = undefined));
  };
  const begin = (job: Job): void => {
    const controller = new AbortController();
    const ended = work({ options, name, job, controller })
      .catch((error: unknown) =>
        options.log.error(
          { part: 'jobs', jobId: job.id, error: String(error) },
          'the end of a job was not kept',
        ),
      )
      .finally(() => {
        working.delete(job.id);
        wake();
      });
    working.set(job.id, { job, controller, ended });
  };

  return {
    wake,
    cancelled: (jobId) => working.get(jobId)?.controller.abort(reasons.cancelled),
    async close() {
      closing.abort();
      await looking;
      for (const { controller } of working.values()) controller.abort(reasons.closing);
      await Promise.all([...working.values()].map(({ ended }) => ended));
    },
  };
}

function takeJob(options: JobWorkerOptions, worker: string, kinds: string[]): Promise<Job | null> {
  const now = options.clock.now();
  return options.store.leaseJob({ kinds, worker, now, leasedUntil: now + options.leaseMs });
}

const reasons = { cancelled: 'cancelled', closing: 'closing' } as const;

function countOf(working: Map<string, Working>, kind: string): number {
  return [...working.values()].filter(({ job }) => job.kind === kind).length;
}

interface Task {
  options: JobWorkerOptions;
  name: string;
  job: Job;
  controller: AbortController;
}

/** Work that is not tried again after an error still outlives one power cut. */
const leastStarts = 2;

/** Errors and stops are told to the store: an attempt that left no word there ended with the whole program. */
function programEnded(): AppError {
  return new AppError('internal', 'the program ended while doing this, so it was not tried again', {
    hint: 'The server log may tell why. Ask for it again to have it tried once more.',
  });
}

async function work(task: Task): Promise<void> {
  const { options, job, controller } = task;
  const kind = options.kinds[job.kind];
  if (!kind) return;
  if (job.attempts > Math.max(kind.attempts, leastStarts)) return end(task, kind, programEnded());
  options.onChange(job);
  const lease = keepLease(task);
  let failure: AppError | undefined;
  try {
    await kind.run({
      owner: job.owner,
      payload: job.payload,
      signal: controller.signal,
      progress: lease.progress,
    });
  } catch (error) {
    failure = toAppError(error);
  }
  await lease.release();
  await end(task, kind, failure);
}

/** Extends the lease while the work goes on, and carries progress with it. */
function keepLease({ options, name, job, controller }: Task): {
  progress: (progress: Record<string, unknown>) => void;
  release: () => Promise<void>;
} {
  let latest: Record<string, unknown> | undefined;
  let renewing: Promise<void> = Promise.resolve();
  const renew = async (): Promise<void> => {
    const progress = latest;
    const leasedUntil = options.clock.now() + options.leaseMs;
    const ours = await options.store.renewJob({
      jobId: job.id,
      worker: name,
      leasedUntil,
      ...(progress ? { progress } : {}),
    });
    if (!ours) controller.abort(reasons.cancelled);
  };
  const timer = setInterval(() => {
    renewing = renewing.then(renew).catch(() => undefined);
  }, options.leaseMs / 3);
  return {
    progress(progress) {
      latest = progress;
      options.onChange({ ...job, progress });
    },
    async release() {
      clearInterval(timer);
      await renewing;
      if (latest) await renew();
    },
  };
}

async function end(task: Task, kind: JobKind, failure: AppError | undefined): Promise<void> {
  const { options, name, job, controller } = task;
  const now = options.clock.now();
  const place = { jobId: job.id, worker: name, now };
  if (controller.signal.reason === reasons.closing && failure) {
    await options.store.finishJob({ ...place, retryAt: now });
    return;
  }
  const mayRetry = failure?.isRetryable === true && job.attempts < kind.attempts;
  const kept = await options.store.finishJob({
    ...place,
    ...(failure ? { error: failure.toJSON() } : {}),
    ...(mayRetry ? { retryAt: now + retryDelayMs(job.attempts) } : {}),
  });
  if (failure && kept)
    options.log.warn(
      { part: 'jobs', kind: job.kind, jobId: job.id, code: failure.code, mayRetry },
      failure.message,
    );
  const ended = await options.store.getJob(job.owner, job.id);
  if (!ended) return;
  options.onChange(ended);
  if (!mayRetry) await options.onEnd(ended);
}
