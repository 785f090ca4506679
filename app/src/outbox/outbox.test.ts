import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openLogSink } from '../../test/fixtures/log-sink.ts';
import { openOutboxPlace, outboxSecret, type OutboxPlace } from '../../test/fixtures/outbox-place.ts';
import { silentLog } from '../lib/log.ts';
import { nextAttemptAt, parseRetryAfter } from './retry-schedule.ts';

const minute = 60 * 1000;
const hour = 60 * minute;
let at: OutboxPlace;
beforeEach(async () => {
  at = await openOutboxPlace();
});
afterEach(() => at.close());

describe('delivery', () => {
  test('the reference library accepts the signature, also with two secrets', async () => {
    const older = `whsec_${Buffer.from('another secret that is older now').toString('base64')}`;
    // The library compares with the time of this machine.
    at.now = Date.now();
    await at.begin({ loggingSecret: `${outboxSecret},${older}` });
    const id = await at.add('a', '{"hello":"herd"}');
    await at.until(() => at.sink.received.length === 1);
    const { headers, body } = at.sink.received[0]!;
    expect(headers['webhook-id']).toBe(id);
    const known = headers as Record<string, string>;
    expect(new Webhook(outboxSecret).verify(body, known)).toEqual({ hello: 'herd' });
    expect(new Webhook(older).verify(body, known)).toEqual({ hello: 'herd' });
    expect(() => new Webhook(outboxSecret).verify(`${body} `, known)).toThrow();
  });

  test('where it is switched off a replay names both settings', async () => {
    await at.begin({ loggingMode: 'off' });
    expect((await at.outbox.status()).mode).toBe('off');
    await expect(at.outbox.replay()).rejects.toMatchObject({
      code: 'bad-request',
      hint: expect.stringMatching(/LOGGING_URL.*LOGGING_MODE/) as string,
    });
  });

  test('without a secret it is said once, and nothing pretends to be signed', async () => {
    const said: string[] = [];
    await at.begin(
      { loggingSecret: '' },
      { ...silentLog, warn: (_fields, message) => void said.push(message) },
    );
    await at.add('a', 'one');
    await at.add('a', 'two');
    await at.until(() => at.sink.received.length === 2);
    expect(said).toEqual([expect.stringContaining('LOGGING_SECRET is not set')]);
    expect((await at.outbox.status()).signed).toBe(false);
    for (const { headers } of at.sink.received) expect(headers['webhook-signature']).toBeUndefined();
  });

  test('events of one conversation keep their order through a failure; others go on', async () => {
    await at.begin();
    at.sink.behave((response, { body }) => {
      response.statusCode = body === 'a1' ? 500 : 200;
      response.end();
    });
    for (const body of ['a1', 'a2', 'b1', 'a3', 'b2']) await at.add(body[0]!, body);
    await at.until(() => at.bodies().includes('b2'));
    expect(at.bodies().filter((body) => body.startsWith('b'))).toEqual(['b1', 'b2']);
    expect(at.bodies()).not.toContain('a2');
    at.sink.behave((response) => response.end());
    await at.until(() => {
      at.now += 5000;
      return at.bodies().includes('a3');
    });
    expect(
      at
        .bodies()
        .filter((body) => body.startsWith('a'))
        .slice(-3),
    ).toEqual(['a1', 'a2', 'a3']);
    const [first, again] = at.sink.received.filter(({ body }) => body === 'a1');
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(again?.headers['webhook-timestamp']).not.toBe(first?.headers['webhook-timestamp']);
  });

  test('a redirect is a failure and is not followed', async () => {
    const other = await openLogSink();
    await at.begin();
    at.sink.behave((response) => response.writeHead(302, { location: other.url }).end());
    await at.add('a', 'secret words');
    await at.until(async () => (await at.outbox.status()).lastError?.includes('302') === true);
    expect(other.received).toEqual([]);
    expect((await at.outbox.status()).pending).toBe(1);
    await other.close();
  });

  test('410 switches delivery off; a replay switches it on again', async () => {
    await at.begin();
    at.sink.behave((response) => response.writeHead(410).end());
    await at.add('a', 'one');
    await at.until(async () => (await at.outbox.status()).disabled !== null);
    await at.add('b', 'two');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(at.bodies()).toEqual(['one']);
    at.sink.behave((response) => response.end());
    await at.outbox.replay();
    await at.until(() => at.bodies().length === 3);
    expect((await at.outbox.status()).disabled).toBeNull();
  });

  test('410 holds also while the disk takes no note of it', async () => {
    const full = vi.spyOn(at.store, 'setOutboxDisabled').mockRejectedValue(new Error('the disk is full'));
    await at.begin();
    at.sink.behave((response) => response.writeHead(410).end());
    await at.add('a', 'one');
    await at.until(() => full.mock.calls.length > 0);
    for (const name of ['b', 'c']) {
      await at.add(name, name);
      const { length } = full.mock.calls;
      await at.until(() => full.mock.calls.length > length);
    }
    expect(at.bodies()).toEqual(['one']);
    full.mockRestore();
    await at.add('d', 'd');
    await at.until(async () => (await at.outbox.status()).disabled !== null);
    expect(at.bodies()).toEqual(['one']);
  });

  test('a backup that is restored says whether delivery is switched off, to who sends as to who asks', async () => {
    await at.begin();
    const [on, off] = ['on', 'off'].map((name) => join(at.home, `${name}.db`));
    await at.store.backup(on!);
    at.sink.behave((response) => response.writeHead(410).end());
    await at.add('a', 'one');
    await at.until(async () => (await at.outbox.status()).disabled !== null);
    await at.store.backup(off!);
    at.sink.behave((response) => response.end());
    await at.store.restoreBackup(on!);
    expect((await at.outbox.status()).disabled).toBeNull();
    await at.add('b', 'two');
    await at.until(() => at.bodies().includes('two'));
    // Each restore first makes a backup that is named by its time.
    at.now += 1000;
    await at.store.restoreBackup(off!);
    expect((await at.outbox.status()).disabled).not.toBeNull();
    await at.add('b', 'three');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(at.bodies()).toEqual(['one', 'two']);
    await at.outbox.replay();
    await at.until(() => at.bodies().includes('three'));
  });

  test('Retry-After holds back the whole sink', async () => {
    await at.begin();
    at.sink.behave((response) => response.writeHead(429, { 'retry-after': '600' }).end());
    await at.add('a', 'one');
    await at.until(async () => ((await at.outbox.status()).nextAttemptAt ?? 0) >= at.now + 500_000);
    at.sink.behave((response) => response.end());
    await at.add('b', 'two');
    at.now += 599_000;
    at.outbox.wake();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(at.bodies()).toEqual(['one']);
    await at.until(() => {
      at.now += 2000;
      return at.bodies().length === 3;
    });
  });

  test('after the last attempt an event is dead, and can be replayed with its old id', async () => {
    await at.begin();
    at.sink.behave((response) => response.writeHead(500).end());
    const id = await at.add('a', 'one');
    for (let attempt = 1; attempt <= 10; attempt++) {
      await at.until(async () => {
        const { dead, nextAttemptAt } = await at.outbox.status();
        return at.sink.received.length === attempt && (dead === 1 || (nextAttemptAt ?? 0) > at.now);
      });
      at.now += 27 * hour;
    }
    await at.until(async () => (await at.outbox.status()).dead === 1);
    expect((await at.outbox.dead({ limit: 10 })).items).toMatchObject([{ id, attempts: 10 }]);
    at.sink.behave((response) => response.end());
    expect(await at.outbox.replay([id])).toBe(1);
    await at.until(() => at.sink.received.length === 11);
    expect(at.sink.received.at(-1)?.headers['webhook-id']).toBe(id);
    await at.until(async () => (await at.outbox.status()).dead === 0);
  });

  test('a sink that hangs holds up its own conversation only', async () => {
    await at.begin();
    at.sink.behave((response, { body }) => void (body.startsWith('b') && response.end()));
    await at.add('a', 'a1');
    await at.until(() => at.bodies().includes('a1'));
    await at.add('b', 'b1');
    await at.until(() => at.bodies().includes('b1'));
    await at.until(async () => (await at.outbox.status()).pending === 1);
  });

  test('a sink that lies about its answer is read no further than its status', async () => {
    await at.begin();
    at.sink.behave((response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      const flood = setInterval(() => response.write('x'.repeat(100_000)), 1);
      response.once('close', () => clearInterval(flood));
    });
    await at.add('a', 'one');
    await at.until(async () => (await at.outbox.status()).pending === 0);
    at.sink.behave((response) => response.socket?.end('this is not HTTP at all\r\n\r\n'));
    await at.add('a', 'two');
    await at.until(async () => ((await at.outbox.status()).nextAttemptAt ?? 0) > at.now);
    expect((await at.outbox.status()).pending).toBe(1);
  });

  test('a sink that comes back gets everything at once, each event one time', async () => {
    await at.begin();
    at.sink.behave((response) => response.writeHead(503).end());
    for (let index = 0; index < 30; index++) await at.add(`chat-${index % 5}`, `chat-${index % 5}:${index}`);
    // The first event of each conversation is tried again and again.
    for (let round = 1; round <= 4; round++) {
      await at.until(async () => ((await at.outbox.status()).nextAttemptAt ?? 0) > at.now);
      expect(at.sink.received).toHaveLength(5 * round);
      at.now += 4 * hour;
    }
    at.sink.received.length = 0;
    at.sink.behave((response) => response.end());
    await at.until(() => {
      at.now += hour;
      return at.sink.received.length >= 30;
    });
    expect(new Set(at.sink.received.map(({ headers }) => headers['webhook-id'])).size).toBe(30);
    for (let chat = 0; chat < 5; chat++) {
      const serials = at
        .bodies()
        .filter((body) => body.startsWith(`chat-${chat}:`))
        .map((body) => Number(body.split(':')[1]));
      expect(serials).toEqual([...serials].sort((left, right) => left - right));
    }
    expect(at.sink.received).toHaveLength(30);
  });
});

describe('what waits', () => {
  /** One chat with three events, of which the first one failed until its next attempt is hours away. */
  async function beAway(): Promise<void> {
    await at.begin();
    at.sink.behave((response) => response.writeHead(503).end());
    for (const body of ['a1', 'a2', 'a3']) await at.add('a', body);
    for (let round = 1; round <= 3; round++) {
      await at.until(async () => ((await at.outbox.status()).nextAttemptAt ?? 0) > at.now);
      at.now += hour;
    }
    await at.until(async () => ((await at.outbox.status()).nextAttemptAt ?? 0) > at.now + hour);
    at.sink.received.length = 0;
  }
  const isEmpty = async (): Promise<boolean> => (await at.outbox.status()).pending === 0;

  test('of one chat only comes when the sink takes the event of another', async () => {
    await beAway();
    at.sink.behave((response) => response.end());
    await at.add('b', 'b1');
    await at.until(isEmpty);
    expect(at.bodies()).toEqual(['b1', 'a1', 'a2', 'a3']);
  });

  test('comes at the start of a Corral that finds the sink back', async () => {
    await beAway();
    await at.outbox.close();
    at.sink.behave((response) => response.end());
    await at.begin();
    await at.until(isEmpty);
    expect(at.bodies()).toEqual(['a1', 'a2', 'a3']);
  });

  test('is tried when somebody asks for a replay, which costs no attempt', async () => {
    await beAway();
    const { nextAttemptAt: next } = await at.outbox.status();
    at.sink.behave((response) => response.writeHead(418).end());
    expect(await at.outbox.replay()).toBe(0);
    await at.until(async () => (await at.outbox.status()).lastError?.includes('418') === true);
    expect((await at.outbox.status()).nextAttemptAt).toBe(next);
    at.sink.behave((response) => response.end());
    await at.outbox.replay();
    await at.until(isEmpty);
    expect(at.bodies()).toEqual(['a1', 'a1', 'a2', 'a3']);
  });

  test('because the sink does not like it has its attempts when it is due, whatever others succeed', async () => {
    await at.begin();
    at.sink.behave((response, { body }) => response.writeHead(body === 'a1' ? 500 : 200).end());
    await at.add('a', 'a1');
    for (let round = 1; round <= 14; round++) {
      await at.until(() => at.bodies().includes('a1'));
      at.now += 2 * minute;
      await at.add('b', `b${round}`);
      await at.until(async () => (await at.outbox.status()).pending === 1);
    }
    expect(await at.outbox.status()).toMatchObject({ pending: 1, dead: 0 });
    // Within 28 minutes: three attempts, and each was followed by a sweep at most.
    expect(at.bodies().filter((body) => body === 'a1').length).toBeLessThanOrEqual(6);
  });
});

describe('the schedule', () => {
  test('spans about three days in ten attempts', () => {
    let at = 0;
    const waits: number[] = [];
    for (let attempts = 1; ; attempts++) {
      const next = nextAttemptAt(attempts, { now: at, retryAfterMs: null, random: () => 0.5 });
      if (next === null) break;
      waits.push(next - at);
      at = next;
    }
    expect(waits.map((wait) => wait / 1000)).toEqual([5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]);
    expect(at / (24 * hour)).toBeGreaterThan(3);
  });

  test.each([
    ['120', 120_000],
    [new Date(1_800_000_060_000).toUTCString(), 60_000],
    ['999999999', 24 * hour],
    ['-5', null],
    ['soon', null],
    [undefined, null],
  ])('Retry-After %s', (header, expected) => {
    expect(parseRetryAfter(header, 1_800_000_000_000)).toBe(expected);
  });
});
