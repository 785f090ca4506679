import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { AppError } from '../contracts/app-error.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import type { Job, NewJob } from '../store/job-store.ts';
import { createSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { createJobs, type JobKind, type Jobs, type JobsOptions } from './jobs.ts';
import { retryDelayMs } from './retry-delay.ts';

const home = mkdtempSync(join(tmpdir(), 'corral-jobs-'));
let store: Store;
beforeAll(async () => {
  store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 4096 });
});
afterAll(async () => {
  await store.close();
  rmSync(home, { recursive: true });
});

const kind = (run: JobKind['run'], change: Partial<JobKind> = {}): JobKind => ({
  concurrency: 1,
  attempts: 1,
  run,
  ...change,
});

/** Work that nobody here was told of. */
const orphan = (name: string): NewJob => ({
  id: uuidv7(),
  kind: name,
  payload: {},
  createdAt: 1,
  runAt: 1,
});

async function withJobs(
  kinds: Record<string, JobKind>,
  use: (jobs: Jobs) => Promise<void>,
  change: Partial<JobsOptions> = {},
): Promise<void> {
  const jobs = createJobs({ store, clock: systemClock, log: silentLog, kinds, pollMs: 20, ...change });
  await jobs.start();
  try {
    await use(jobs);
  } finally {
    await jobs.close();
  }
}

async function until(jobs: Jobs, jobId: string, state: Job['state']): Promise<Job> {
  for (;;) {
    const job = await jobs.get('me', jobId);
    if (job.state === state) return job;
    await sleep(5);
  }
}

test('work is done, its progress heard and kept, and its end told', async () => {
  const run: JobKind['run'] = async ({ owner, payload, progress }) => {
    progress({ percent: 50, owner, payload });
  };
  await withJobs({ one: kind(run) }, async (jobs) => {
    const heard: string[] = [];
    const stop = jobs.onChange((job) =>
      heard.push(`${job.state} ${JSON.stringify(job.progress?.percent ?? null)}`),
    );
    const { id } = await jobs.add('me', { kind: 'one', payload: { a: 1 } });
    const done = await until(jobs, id, 'done');
    expect(done.progress).toEqual({ percent: 50, owner: 'me', payload: { a: 1 } });
    while (heard.length < 4) await sleep(5);
    expect(heard).toEqual(['waiting null', 'working null', 'working 50', 'done 50']);
    stop();
    await expect(jobs.get('you', id)).rejects.toMatchObject({ code: 'not-found' });
    await expect(jobs.add('me', { kind: 'none', payload: {} })).rejects.toMatchObject({
      code: 'bad-request',
    });
  });
});

test('whoever asks hears the last progress, although the store is told with the lease only', async () => {
  const gate = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  const run: JobKind['run'] = async ({ progress }) => {
    progress({ percent: 10 });
    progress({ percent: 60 });
    told.resolve();
    await gate.promise;
  };
  await withJobs({ slow: kind(run) }, async (jobs) => {
    const { id } = await jobs.add('me', { kind: 'slow', payload: {} });
    // The store says that it works a moment before it does.
    await told.promise;
    expect(await jobs.get('me', id)).toMatchObject({ state: 'working', progress: { percent: 60 } });
    expect((await jobs.list('me', { kind: 'slow', limit: 1 }))[0]?.progress).toEqual({ percent: 60 });
    expect((await store.getJob('me', id))?.progress).toBeNull();
    gate.resolve();
    expect((await until(jobs, id, 'done')).progress).toEqual({ percent: 60 });
  });
});

test('no more of a kind at once than its concurrency, and one kind does not wait for another', async () => {
  const now = { slow: 0, most: 0 };
  const gate = Promise.withResolvers<void>();
  const slow = kind(
    async () => {
      now.slow += 1;
      now.most = Math.max(now.most, now.slow);
      await gate.promise;
      now.slow -= 1;
    },
    { concurrency: 2 },
  );
  await withJobs({ slow, quick: kind(async () => undefined) }, async (jobs) => {
    const slowOnes = await Promise.all(
      [1, 2, 3, 4, 5].map(() => jobs.add('me', { kind: 'slow', payload: {} })),
    );
    const { id } = await jobs.add('me', { kind: 'quick', payload: {} });
    await until(jobs, id, 'done');
    await vi.waitUntil(() => now.slow === 2, { timeout: 20_000 });
    expect((await jobs.get('me', slowOnes[4]?.id ?? '')).state).toBe('waiting');
    gate.resolve();
    for (const job of slowOnes) await until(jobs, job.id, 'done');
    expect(now.most).toBe(2);
  });
});

test('an error that may pass is tried again later; another ends it', async () => {
  const fails = kind(
    ({ payload }) => Promise.reject(new AppError(payload.code as 'hub-unreachable', 'it did not work')),
    { attempts: 3 },
  );
  // However long this takes, later is not yet.
  const now = Date.now();
  const use = async (jobs: Jobs): Promise<void> => {
    const passing = await jobs.add('me', { kind: 'fails', payload: { code: 'hub-unreachable' } });
    const lasting = await jobs.add('me', { kind: 'fails', payload: { code: 'hub-gated' } });
    expect(await until(jobs, lasting.id, 'failed')).toMatchObject({
      attempts: 1,
      error: { code: 'hub-gated' },
    });
    let waiting = await jobs.get('me', passing.id);
    while (waiting.error === null) waiting = await jobs.get('me', passing.id);
    expect(waiting).toMatchObject({ state: 'waiting', attempts: 1 });
    expect(waiting.runAt).toBeGreaterThan(now + 3000);
    await jobs.cancel('me', passing.id);
  };
  await withJobs({ fails }, use, { clock: { now: () => now } });
  expect([1, 2, 3, 20].map((attempts) => retryDelayMs(attempts, () => 0.5))).toEqual([
    5000, 10_000, 20_000, 600_000,
  ]);
});

test('cancelling stops the work at once', async () => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const endless = kind(async ({ signal }) => {
    start();
    await sleep(60_000, undefined, { signal }).finally(stop);
  });
  await withJobs({ endless }, async (jobs) => {
    const { id } = await jobs.add('me', { kind: 'endless', payload: {} });
    await started;
    expect((await jobs.cancel('me', id)).state).toBe('cancelled');
    await stopped;
    expect((await jobs.get('me', id)).state).toBe('cancelled');
  });
});

test('what a stop interrupts waits in the store and is done by the next start', async () => {
  let runs = 0;
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const once = kind(async ({ signal }) => {
    runs += 1;
    if (runs > 1) return;
    start();
    await sleep(60_000, undefined, { signal });
  });
  let id = '';
  await withJobs({ once }, async (jobs) => {
    id = (await jobs.add('me', { kind: 'once', payload: {} })).id;
    await started;
  });
  expect((await store.getJob('me', id))?.state).toBe('waiting');
  await withJobs({ once }, async (jobs) => {
    expect((await until(jobs, id, 'done')).attempts).toBe(1);
  });
});

test('a stop costs no attempt: work that outlives several may still fail once and be tried again', async () => {
  let fails = false;
  let started = Promise.withResolvers<void>();
  const patient = kind(
    async ({ signal }) => {
      started.resolve();
      if (fails) throw new AppError('hub-unreachable', 'it did not work');
      await sleep(60_000, undefined, { signal });
    },
    { attempts: 2 },
  );
  const { id } = await store.addJob('me', orphan('patient'));
  for (let starts = 0; starts < 3; starts += 1) {
    started = Promise.withResolvers<void>();
    await withJobs({ patient }, async () => started.promise);
    expect(await store.getJob('me', id)).toMatchObject({ state: 'waiting', attempts: 0 });
  }
  fails = true;
  await withJobs({ patient }, async (jobs) => {
    await vi.waitUntil(async () => (await jobs.get('me', id)).error !== null, { timeout: 20_000 });
    expect(await jobs.cancel('me', id)).toMatchObject({ attempts: 1, error: { code: 'hub-unreachable' } });
  });
});

test.each([
  [1, 2],
  [3, 3],
])(
  'work of %i attempts that ends the program is begun %i times, then it has failed',
  async (attempts, most) => {
    let runs = 0;
    const name = `deadly-${attempts}`;
    const deadly = kind(async () => void (runs += 1), { attempts });
    const { id } = await store.addJob('me', orphan(name));
    for (let starts = 0; starts < most; starts += 1)
      await store.leaseJob({
        kinds: [name],
        worker: `dead-${starts}`,
        now: starts + 2,
        leasedUntil: starts + 3,
      });
    await withJobs({ [name]: deadly }, async (jobs) => {
      await vi.waitUntil(async () => (await jobs.get('me', id)).finishedAt !== null, { timeout: 20_000 });
      const { state, error } = await jobs.get('me', id);
      expect(state).toBe('failed');
      expect(error?.message).toContain('the program ended while doing this');
    });
    expect(runs).toBe(0);
  },
);

test('a worker that died loses its lease to another', async () => {
  const { id } = await store.addJob('me', orphan('orphan'));
  await store.leaseJob({ kinds: ['orphan'], worker: 'dead', now: Date.now(), leasedUntil: Date.now() + 60 });
  await withJobs({ orphan: kind(async () => undefined) }, async (jobs) => {
    expect(await until(jobs, id, 'done')).toMatchObject({ attempts: 2 });
  });
});

test('work whose lease passed while the machine slept goes on, and is not begun a second time', async () => {
  let ahead = 0;
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const run = async (): Promise<void> => {
    runs += 1;
    await gate.promise;
  };
  const clock = { now: () => systemClock.now() + ahead };
  const leaseMs = 600_000;
  const use = async (jobs: Jobs): Promise<void> => {
    const { id } = await jobs.add('me', { kind: 'sleeper', payload: {} });
    await vi.waitUntil(() => runs === 1, { timeout: 20_000 });
    ahead = 2 * leaseMs;
    const leasedUntil = async (): Promise<number> => Number((await jobs.get('me', id)).leasedUntil);
    await vi.waitUntil(async () => (await leasedUntil()) > clock.now(), { timeout: 20_000 });
    await sleep(50);
    gate.resolve();
    expect((await until(jobs, id, 'done')).attempts).toBe(1);
    expect(runs).toBe(1);
  };
  await withJobs({ sleeper: kind(run, { concurrency: 2 }) }, use, { clock, leaseMs });
});

test('work that comes round by itself comes round, once, also after a restart', async () => {
  const rounds: number[] = [];
  const round = kind(
    async () => {
      rounds.push(Date.now());
    },
    { everyMs: 40 },
  );
  await withJobs({ round }, async () => {
    while (rounds.length < 3) await sleep(5);
  });
  await withJobs({ round }, async () => {
    while (rounds.length < 5) await sleep(5);
  });
  expect((await store.listJobs('system', { kind: 'round', active: true, limit: 9 })).length).toBe(1);
});

test.each(['finishJob', 'getJob', 'addJob'] as const)(
  'work that comes round goes on after a write or a look at its end that failed (%s)',
  async (failing) => {
    let runs = 0;
    let isAway = false;
    const round = kind(
      async () => {
        runs += 1;
        isAway = runs === 2;
      },
      { everyMs: 10 },
    );
    const flaky: Store = {
      ...store,
      [failing]: async (...parameters: never[]): Promise<unknown> => {
        const call = store[failing] as (...given: never[]) => Promise<unknown>;
        if (!isAway) return call(...parameters);
        isAway = false;
        // The first write is kept, and nobody hears of it.
        if (failing === 'finishJob') await call(...parameters);
        throw new AppError('store-unavailable', 'the connection was lost');
      },
    };
    await withJobs(
      { [`flaky-${failing}`]: round },
      async () => void (await vi.waitUntil(() => runs >= 4, { timeout: 20_000 })),
      { store: flaky, pollMs: 5 },
    );
  },
);

test('work that comes round does not come twice where its end crosses a look whether it is scheduled', async () => {
  const looked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let isWorking = false;
  const round = kind(
    async () => {
      isWorking = true;
      await looked.promise;
      isWorking = false;
    },
    { everyMs: 60 * 60 * 1000 },
  );
  const slow: Store = {
    ...store,
    async listJobs(owner, filter) {
      const found = await store.listJobs(owner, filter);
      if (!isWorking) return found;
      looked.resolve();
      await ended.promise;
      return found;
    },
    async finishJob(write) {
      const kept = await store.finishJob(write);
      ended.resolve();
      return kept;
    },
    async getJob(owner, jobId) {
      // Meanwhile the look goes on.
      await sleep(200);
      return store.getJob(owner, jobId);
    },
  };
  const jobsNow = () => store.listJobs('system', { kind: 'crossing', limit: 9 });
  const isOver = async (): Promise<boolean> => (await jobsNow()).length > 1;
  await withJobs({ crossing: round }, async () => void (await vi.waitUntil(isOver, { timeout: 20_000 })), {
    store: slow,
    pollMs: 2,
  });
  const [next, done] = await jobsNow();
  expect([next?.state, done?.state]).toEqual(['waiting', 'done']);
  expect(next?.runAt).toBeGreaterThan(systemClock.now() + 30 * 60 * 1000);
});

test('work that comes round is not put off by a clock that was ahead', async () => {
  const hourMs = 60 * 60 * 1000;
  let ahead = 10_000 * hourMs;
  let runs = 0;
  const round = kind(async () => void (runs += 1), { everyMs: hourMs });
  const clock = { now: () => systemClock.now() + ahead };
  const ranOnce = (): Promise<unknown> => vi.waitUntil(() => runs === 1, { timeout: 20_000 });
  await withJobs({ round }, async () => void (await ranOnce()), { clock });
  ahead = 0;
  await withJobs({ round }, async () => sleep(100), { clock });
  expect(runs).toBe(1);
  const [next] = await store.listJobs('system', { kind: 'round', active: true, limit: 5 });
  expect(next?.runAt).toBeLessThanOrEqual(systemClock.now() + hourMs);
});

test('finished work is forgotten after a week, also by a server that runs on', async () => {
  let later = 0;
  const clock = { now: () => systemClock.now() + later };
  const round = kind(async () => undefined, { everyMs: 60 * 60 * 1000 });
  const once = kind(async () => undefined);
  const use = async (jobs: Jobs): Promise<void> => {
    const { id } = await jobs.add('me', { kind: 'once', payload: {} });
    await until(jobs, id, 'done');
    later = 8 * 24 * 60 * 60 * 1000;
    await vi.waitUntil(async () => (await store.getJob('me', id)) === null, { timeout: 20_000 });
  };
  await withJobs({ 'hourly-purge': round, once }, use, { clock });
});
