import { uuidv7 } from 'uuidv7';
import { systemOwner } from '../store/schema.ts';
import type { JobsOptions } from './jobs.ts';

/** Work that comes round by itself. With it goes what ended long ago, also where a server runs for a year. */
export interface Rounds {
  /** Adds the next round of each kind, and from then on what could not be added when a round had ended. */
  start(): Promise<void>;
  /** Adds the next round of a kind where none waits or goes on. Nothing for work that does not come round. */
  schedule(kind: string): Promise<void>;
  close(): Promise<void>;
}

/** Seldom, as it is needed only where a write after a round had failed. */
const pollsPerLook = 60;
const jobsKeptMs = 7 * 24 * 60 * 60 * 1000;

export function createRounds(options: JobsOptions & { pollMs: number }): Rounds {
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const scheduleAll = async (): Promise<void> => {
    for (const kind of Object.keys(options.kinds)) await scheduleNext(options, kind);
  };
  const purge = (): Promise<number> => options.store.purgeJobs(options.clock.now() - jobsKeptMs);
  const look = (): void => {
    looking ??= scheduleAll()
      .catch((error: unknown) =>
        options.log.warn(
          { part: 'jobs', error: String(error) },
          'work that comes round could not be scheduled; it is tried again',
        ),
      )
      .finally(() => (looking = undefined));
  };
  return {
    async start() {
      await scheduleAll();
      await purge();
      timer = setInterval(look, options.pollMs * pollsPerLook);
      timer.unref();
    },
    async schedule(kind) {
      if (options.kinds[kind]?.everyMs === undefined) return;
      await scheduleNext(options, kind);
      await purge();
    },
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** Work that comes round by itself is due a period after it last ended; a server that was off does it at once. */
async function scheduleNext({ store, clock, kinds }: JobsOptions, kind: string): Promise<void> {
  const everyMs = kinds[kind]?.everyMs;
  if (everyMs === undefined) return;
  const now = clock.now();
  const [active] = await store.listJobs(systemOwner, { kind, active: true, limit: 1 });
  const wasPutOff = active?.state === 'waiting' && active.runAt > now + everyMs;
  if (active && !wasPutOff) return;
  // Read after that: what is not active any more is among what has ended.
  const [last] = await store.listJobs(systemOwner, { kind, active: false, limit: 1 });
  // The clock was ahead when that was added; it would not come round for as long as it was.
  if (active) await store.cancelJob(systemOwner, active.id, now);
  const runAt = Math.max(now, Math.min(now, last?.finishedAt ?? 0) + everyMs);
  await store.addJob(systemOwner, { id: uuidv7(), kind, payload: {}, key: kind, createdAt: now, runAt });
}
