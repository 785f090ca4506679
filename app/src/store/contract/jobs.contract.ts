import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import type { NewJob } from '../job-store.ts';
import { roundsKept, systemOwner } from '../schema.ts';
import { type ContractParts, expectError } from './parts.contract.ts';

export function jobContract({ store, owner }: ContractParts): void {
  const job = (kind: string, change: Partial<NewJob> = {}): NewJob => ({
    id: uuidv7(),
    kind,
    payload: { some: 'thing' },
    createdAt: 1,
    runAt: 1,
    ...change,
  });
  const lease = (kind: string, worker: string, now: number) =>
    store().leaseJob({ kinds: [kind], worker, now, leasedUntil: now + 100 });

  describe('jobs', () => {
    test('a lease that was taken while a clock was ahead holds nobody up', async () => {
      const kind = uuidv7();
      const made = await store().addJob(owner(), job(kind));
      expect(await lease(kind, 'a', 1_000_000_000)).toMatchObject({ id: made.id });
      expect(await lease(kind, 'b', 10)).toMatchObject({ id: made.id, leasedBy: 'b' });
      expect(await lease(kind, 'c', 50)).toBeNull();
    });

    test('one worker at a time; a lease that ran out goes to another', async () => {
      const me = owner();
      const kind = uuidv7();
      const made = await store().addJob(me, job(kind));
      expect(made).toMatchObject({ owner: me, state: 'waiting', attempts: 0, payload: { some: 'thing' } });
      const [one, two] = await Promise.all([lease(kind, 'a', 10), lease(kind, 'b', 10)]);
      const [winner, loser] = one ? ['a', two] : ['b', one];
      expect(loser).toBeNull();
      const renewal = { jobId: made.id, worker: winner, leasedUntil: 200, progress: { percent: 5 } };
      expect(await store().renewJob(renewal)).toBe(true);
      expect(await store().getJob(me, made.id)).toMatchObject({ state: 'working', progress: { percent: 5 } });
      expect(await lease(kind, 'c', 199)).toBeNull();
      expect(await lease(kind, 'c', 200)).toMatchObject({ id: made.id, attempts: 2, leasedBy: 'c' });
      expect(await store().renewJob(renewal)).toBe(false);
      expect(await store().finishJob({ jobId: made.id, worker: winner, now: 210 })).toBe(false);
      expect(await store().finishJob({ jobId: made.id, worker: 'c', now: 210 })).toBe(true);
      expect(await store().getJob(me, made.id)).toMatchObject({
        state: 'done',
        finishedAt: 210,
        leasedBy: null,
      });
    });

    test('neither a worker that asks again for its own work nor a stop costs an attempt', async () => {
      const me = owner();
      const kind = uuidv7();
      const { id } = await store().addJob(me, job(kind));
      expect(await lease(kind, 'a', 10)).toMatchObject({ id, attempts: 1 });
      expect(await lease(kind, 'a', 200)).toMatchObject({ id, attempts: 1, leasedUntil: 300 });
      await store().finishJob({ jobId: id, worker: 'a', now: 210, retryAt: 210 });
      expect(await store().getJob(me, id)).toMatchObject({ state: 'waiting', attempts: 0 });
      expect(await lease(kind, 'a', 220)).toMatchObject({ id, attempts: 1 });
    });

    test('a key makes one job as long as that one waits or works', async () => {
      const me = owner();
      const kind = uuidv7();
      const [one, two] = await Promise.all([
        store().addJob(me, job(kind, { key: 'same' })),
        store().addJob(me, job(kind, { key: 'same' })),
      ]);
      expect(one.id).toBe(two.id);
      await store().cancelJob(me, one.id, 5);
      expect((await store().addJob(me, job(kind, { key: 'same' }))).id).not.toBe(one.id);
    });

    test('the newest rounds of the server’s own work are not forgotten, however old a clock makes them', async () => {
      const kind = uuidv7();
      const ids: string[] = [];
      for (let round = 1; round <= roundsKept + 2; round++) {
        const { id } = await store().addJob(systemOwner, job(kind));
        await lease(kind, 'a', round);
        await store().finishJob({ jobId: id, worker: 'a', now: round });
        ids.push(id);
      }
      const { id: waiting } = await store().addJob(systemOwner, job(kind));
      await store().purgeJobs(1_000_000);
      const left = await store().listJobs(systemOwner, { kind, limit: 100 });
      expect(left.map(({ id }) => id)).toEqual([waiting, ...ids.slice(2).reverse()]);
    });

    test('retry later, fail for good, cancel, forget', async () => {
      const me = owner();
      const kind = uuidv7();
      const { id } = await store().addJob(me, job(kind));
      const error = { code: 'hub-unreachable' as const, message: 'no' };
      await lease(kind, 'a', 1);
      await store().finishJob({ jobId: id, worker: 'a', now: 2, error, retryAt: 50 });
      expect(await store().getJob(me, id)).toMatchObject({ state: 'waiting', runAt: 50, error });
      expect(await lease(kind, 'a', 49)).toBeNull();
      await lease(kind, 'a', 50);
      await store().finishJob({ jobId: id, worker: 'a', now: 51, error });
      expect(await store().getJob(me, id)).toMatchObject({ state: 'failed', attempts: 2, error });
      const next = await store().addJob(me, job(kind));
      await lease(kind, 'a', 60);
      expect(await store().cancelJob(me, next.id, 61)).toMatchObject({ state: 'cancelled' });
      expect(await store().renewJob({ jobId: next.id, worker: 'a', leasedUntil: 99 })).toBe(false);
      await expectError(store().cancelJob(owner(), next.id, 62), 'not-found');
      expect(await store().listJobs(me, { kind, limit: 5 })).toHaveLength(2);
      expect(await store().listJobs(me, { active: true, limit: 5 })).toEqual([]);
      expect(await store().listJobs(owner(), { limit: 5 })).toEqual([]);
      expect(await store().purgeJobs(61)).toBeGreaterThanOrEqual(1);
      expect(await store().getJob(me, id)).toBeNull();
      expect(await store().getJob(me, next.id)).not.toBeNull();
    });
  });
}
