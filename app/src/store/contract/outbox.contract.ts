import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import type { NewOutboxEvent } from '../outbox-store.ts';
import type { ContractParts } from './parts.contract.ts';

export function outboxContract({ store, owner }: ContractParts): void {
  const event = (conversationId: string, createdAt: number, body = 'body'): NewOutboxEvent => ({
    id: uuidv7(),
    conversationId,
    body,
    createdAt,
  });
  const due = (now: number, except: string[] = [], limit = 100) =>
    store().dueOutboxEvents({ now, limit, except });

  describe('outbox', () => {
    test('the order inside a conversation holds, whatever happens to its first event', async () => {
      const me = owner();
      await store().trimOutbox({ maxBytes: 0, createdBefore: 0 });
      const [one, two, three] = [event('x', 10), event('x', 11), event('y', 12)];
      await store().addOutboxEvents(me, [one, two, three]);
      const first = await due(100);
      expect(first.map((found) => found.id)).toEqual([one.id, three.id]);
      expect(first[0]).toMatchObject({ owner: me, body: 'body', attempts: 0, state: 'pending' });
      expect((await due(100, ['x'])).map((found) => found.id)).toEqual([three.id]);
      expect((await due(100, [], 1)).map((found) => found.id)).toEqual([one.id]);
      await store().recordDeliveries([{ id: one.id, outcome: 'retry', nextAttemptAt: 500, error: '503' }]);
      expect((await due(100)).map((found) => found.id)).toEqual([three.id]);
      expect(await store().nextOutboxAttempt()).toBe(12);
      expect((await due(500))[0]).toMatchObject({ id: one.id, attempts: 1, lastError: '503' });
      await store().recordDeliveries([
        { id: one.id, outcome: 'delivered', now: 600 },
        { id: uuidv7(), outcome: 'delivered', now: 700 },
        { id: three.id, outcome: 'dead', error: 'gone' },
      ]);
      expect((await due(600)).map((found) => found.id)).toEqual([two.id]);
      expect((await store().listDeadEvents({ limit: 5 })).items.map((found) => found.id)).toEqual([three.id]);
    });

    test('what was tried before its time waits as before', async () => {
      await store().trimOutbox({ maxBytes: 0, createdBefore: 0 });
      const one = event('x', 10);
      await store().addOutboxEvents(owner(), [one]);
      await store().recordDeliveries([{ id: one.id, outcome: 'retry', nextAttemptAt: 500, error: '503' }]);
      await store().recordDeliveries([{ id: one.id, outcome: 'early', error: '504' }]);
      expect(await due(499)).toEqual([]);
      expect(await due(500)).toMatchObject([{ id: one.id, attempts: 1, lastError: '504' }]);
      expect((await store().outboxStatus()).lastError).toBe('504');
    });

    test('the time by which events are old rises by an hour at most, and falls with the clock', async () => {
      const hour = 60 * 60 * 1000;
      const year = 365 * 24 * hour;
      expect(await store().ageOutbox(1000)).toBe(1000);
      expect(await store().ageOutbox(year)).toBe(1000 + hour);
      expect(await store().ageOutbox(year)).toBe(1000 + 2 * hour);
      expect(await store().ageOutbox(1000)).toBe(1000);
    });

    test('dead ones are replayed with their id and in their order', async () => {
      const me = owner();
      await store().trimOutbox({ maxBytes: 0, createdBefore: 0 });
      const events = [event('z', 1), event('z', 2)];
      await store().addOutboxEvents(me, events);
      await store().recordDeliveries(events.map(({ id }) => ({ id, outcome: 'dead', error: 'no' })));
      expect(await due(1000)).toEqual([]);
      expect(await store().nextOutboxAttempt()).toBeNull();
      expect(await store().replayDeadEvents({ ids: [events[1]?.id ?? ''], now: 50 })).toBe(1);
      expect((await due(50)).map((found) => found.id)).toEqual([events[1]?.id]);
      expect(await store().replayDeadEvents({ now: 60 })).toBe(1);
      expect((await due(60)).map((found) => found.id)).toEqual([events[0]?.id]);
    });

    test('the bounds drop the oldest, and the status counts everything', async () => {
      const me = owner();
      await store().trimOutbox({ maxBytes: 0, createdBefore: 0 });
      const before = await store().outboxStatus();
      expect(before).toMatchObject({ pending: 0, pendingBytes: 0, dead: 0, oldestPendingAt: null });
      const events = [1, 2, 3, 4].map((at) => event(`c${at}`, at, 'é'.repeat(50)));
      await store().addOutboxEvents(me, events);
      expect(await store().outboxStatus()).toMatchObject({
        pending: 4,
        pendingBytes: 400,
        oldestPendingAt: 1,
      });
      expect(await store().trimOutbox({ maxBytes: 10_000, createdBefore: 2 })).toBe(1);
      expect(await store().trimOutbox({ maxBytes: 250, createdBefore: 0 })).toBe(1);
      expect((await due(100)).map((found) => found.id)).toEqual([events[2]?.id, events[3]?.id]);
      await store().recordDeliveries([{ id: events[2]?.id ?? '', outcome: 'delivered', now: 77 }]);
      const disabled = { reason: '410', since: 5 };
      await store().setOutboxDisabled(disabled);
      expect(await store().outboxStatus()).toMatchObject({
        delivered: before.delivered + 1,
        dropped: before.dropped + 2,
        lastDeliveredAt: 77,
        disabled,
      });
      expect(await due(100)).toEqual([]);
      await store().setOutboxDisabled(null);
      expect((await store().outboxStatus()).disabled).toBeNull();
      expect((await due(100)).map((found) => found.id)).toEqual([events[3]?.id]);
    });
  });
}
