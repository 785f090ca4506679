import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openOutboxPlace, type OutboxPlace } from '../../test/fixtures/outbox-place.ts';

const hour = 60 * 60 * 1000;
let at: OutboxPlace;
beforeEach(async () => {
  at = await openOutboxPlace();
});
afterEach(() => at.close());

describe('bounds', () => {
  test('drop-oldest keeps the newest', async () => {
    for (let index = 0; index < 20; index++) await at.add(`c${index}`, 'x'.repeat(1000));
    await at.begin({ loggingMaxBytes: 5000 });
    expect((await at.outbox.status()).pendingBytes).toBeLessThanOrEqual(5000);
    expect(at.outbox.refusal()).toBeNull();
  });

  test('block makes new answers wait and drops nothing', async () => {
    for (let index = 0; index < 20; index++) await at.add(`c${index}`, 'x'.repeat(1000));
    at.sink.behave((response) => response.writeHead(500).end());
    await at.begin({ loggingMaxBytes: 5000, loggingWhenFull: 'block' });
    expect(at.outbox.refusal()).toMatchObject({ code: 'log-full', status: 503 });
    expect((await at.outbox.status()).pending).toBe(20);
    at.sink.behave((response) => response.end());
    await at.until(() => {
      at.now += hour;
      return at.outbox.refusal() === null;
    });
  });

  test('block ends when there is room again, not when everything is gone', async () => {
    for (let index = 0; index < 20; index++) await at.add(`c${index}`, 'x'.repeat(1000));
    at.sink.behave((response) => response.writeHead(500).end());
    await at.begin({ loggingMaxBytes: 5000, loggingWhenFull: 'block' });
    // Every one was tried and waits for its next attempt.
    await at.until(async () => ((await at.outbox.status()).nextAttemptAt ?? 0) > at.now);
    const held: ServerResponse[] = [];
    at.sink.behave((response) => void (held.length === 0 ? held.push(response) : response.end()));
    at.now += hour;
    await at.until(() => at.outbox.refusal() === null);
    expect(held.map(({ destroyed }) => destroyed)).toEqual([false]);
    expect((await at.outbox.status()).pending).toBeGreaterThan(0);
  });

  test('block holds when the events that wait have died, and ends when they are replayed', async () => {
    for (let index = 0; index < 6; index++) await at.add(`c${index}`, 'x'.repeat(1000));
    at.sink.behave((response) => response.writeHead(500).end());
    await at.begin({ loggingMaxBytes: 5000, loggingWhenFull: 'block', loggingMaxDays: 365 });
    await at.until(async () => {
      at.now += 27 * hour;
      return (await at.outbox.status()).dead === 6;
    });
    await at.until(() => at.outbox.refusal()?.details?.['dead'] === 6);
    expect(at.outbox.refusal()).toMatchObject({
      code: 'log-full',
      hint: expect.stringContaining('corral log replay') as string,
      details: { pending: 0, pendingBytes: 0, dead: 6, deadBytes: 6000 },
    });
    at.sink.behave((response) => response.end());
    await at.outbox.replay();
    await at.until(() => at.outbox.refusal() === null);
  });

  test('drop-oldest drops dead events like those that wait, the oldest first', async () => {
    at.sink.behave((response) => response.writeHead(500).end());
    await at.begin({ loggingMaxBytes: 5000, loggingMaxDays: 365 });
    for (let index = 0; index < 4; index++) await at.add(`c${index}`, 'x'.repeat(1000));
    await at.until(async () => {
      at.now += 27 * hour;
      return (await at.outbox.status()).dead === 4;
    });
    for (let index = 4; index < 8; index++) await at.add(`c${index}`, 'x'.repeat(1000));
    at.now += hour;
    await at.until(async () => (await at.outbox.status()).dropped === 3);
    expect(await at.outbox.status()).toMatchObject({ pending: 4, dead: 1 });
  });

  test.each(['block', 'drop-oldest'] as const)('%s also while the sink hangs', async (loggingWhenFull) => {
    at.sink.behave(() => undefined);
    await at.begin({ loggingMaxBytes: 5000, loggingWhenFull });
    for (let index = 0; index < 20; index++) await at.add(`c${index}`, 'x'.repeat(1000));
    await at.until(() => at.sink.received.length === 4);
    at.now += 60_000;
    await at.until(async () =>
      loggingWhenFull === 'block'
        ? at.outbox.refusal() !== null
        : (await at.outbox.status()).pendingBytes <= 5000,
    );
    expect(at.sink.received).toHaveLength(4);
  });
});

describe('with logging switched off', () => {
  const modes = [{ loggingMode: 'off' }, { loggingUrl: '', loggingWhenFull: 'block' }] as const;
  test.each(modes)('what an earlier configuration left goes when it is too old (%o)', async (change) => {
    at.sink.behave((response) => response.writeHead(410).end());
    await at.begin({ loggingMaxDays: 1 / 8 });
    await at.add('a', 'one');
    await at.until(async () => (await at.outbox.status()).disabled !== null);
    await at.outbox.close();
    await at.begin({ loggingMaxDays: 1 / 8, ...change });
    expect(await at.outbox.status()).toMatchObject({ pending: 1, dropped: 0 });
    await at.until(async () => {
      at.now += hour;
      return (await at.outbox.status()).dropped === 1;
    });
    expect(await at.outbox.status()).toMatchObject({ pending: 0, dead: 0 });
  });

  test('and when it is too much, the oldest first, and makes nobody wait', async () => {
    for (let index = 0; index < 20; index++) await at.add(`c${index}`, 'x'.repeat(1000));
    await at.begin({ loggingMode: 'off', loggingMaxBytes: 5000, loggingWhenFull: 'block' });
    expect(at.outbox.refusal()).toBeNull();
    expect(await at.outbox.status()).toMatchObject({ pending: 5, dropped: 15 });
  });
});

describe('a clock that jumps', () => {
  test('ahead drops nothing, though every event then looks old; what is old in truth goes', async () => {
    await at.begin({ loggingMaxDays: 1 / 8 });
    const { dropped } = await at.outbox.status();
    at.sink.behave((response) => response.writeHead(500).end());
    await at.add('a', 'one');
    await at.until(async () => ((await at.outbox.status()).nextAttemptAt ?? 0) > at.now);
    at.now += 365 * 24 * hour;
    await at.until(() => at.sink.received.length > 1);
    at.now -= 365 * 24 * hour;
    const status = await at.outbox.status();
    expect([status.dropped, status.pending + status.dead]).toEqual([dropped, 1]);
    await at.until(async () => {
      at.now += hour;
      return (await at.outbox.status()).dropped === dropped + 1;
    });
  });

  test('ahead drops nothing either where a server starts with it', async () => {
    const days = 40 * 24 * hour;
    at.sink.behave((response) => response.writeHead(500).end());
    await at.begin();
    await at.add('a', 'one');
    await at.outbox.close();
    at.now += days;
    await at.begin();
    expect(await at.outbox.status()).toMatchObject({ pending: 1, dropped: 0 });
    await at.outbox.close();
    at.now -= days;
    await at.begin();
    expect(await at.outbox.status()).toMatchObject({ pending: 1, dropped: 0 });
  });

  test('back does not hold up what was written, put off or paused while it was ahead', async () => {
    const year = 365 * 24 * hour;
    await at.begin();
    at.sink.behave((response) => response.writeHead(503, { 'retry-after': '3600' }).end());
    at.now += year;
    await at.add('a', 'one');
    await at.until(async () => ((await at.outbox.status()).nextAttemptAt ?? 0) > at.now);
    at.sink.behave((response) => response.end());
    at.now -= year;
    await at.until(async () => (await at.outbox.status()).pending === 0);
    expect(at.bodies()).toEqual(['one', 'one']);
  });
});
