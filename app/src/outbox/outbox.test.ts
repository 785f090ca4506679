import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLogSink, type LogSink } from '../../test/fixtures/log-sink.ts';
import { silentLog } from '../lib/log.ts';
import { createHttpClient, type HttpClient } from '../net/http-client.ts';
import { createSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { createOutbox, type Outbox, type OutboxConfig } from './outbox.ts';
import { nextAttemptAt, parseRetryAfter } from './retry-schedule.ts';

const secret = `whsec_${Buffer.from('a secret of thirty-two bytes or so').toString('base64')}`;
const hour = 60 * 60 * 1000;
let home: string;
let store: Store;
let http: HttpClient;
let sink: LogSink;
let outbox: Outbox | undefined;
let now = 1_800_000_000_000;
let serial = 0;
const clock = { now: () => now };

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'corral-outbox-'));
  store = await createSqliteStore({ home, clock, log: silentLog, reserveBytes: 65_536 });
  http = createHttpClient({ allowedHosts: ['127.0.0.1'], log: silentLog });
});
afterAll(async () => {
  await http.close();
  await store.close();
  rmSync(home, { recursive: true });
});
beforeEach(async () => {
  sink = await openLogSink();
});
afterEach(async () => {
  await outbox?.close();
  outbox = undefined;
  await sink.close();
  await store.trimOutbox({ maxBytes: 0, createdBefore: Number.MAX_SAFE_INTEGER });
  await store.setOutboxDisabled(null);
});

const configOf = (): OutboxConfig => ({
  loggingUrl: sink.url,
  loggingSecret: secret,
  loggingMode: 'full',
  loggingMaxBytes: 1_000_000,
  loggingMaxDays: 30,
  loggingWhenFull: 'drop-oldest',
});

async function begin(config: Partial<OutboxConfig> = {}): Promise<Outbox> {
  outbox = createOutbox({ store, http, clock, log: silentLog, config: { ...configOf(), ...config } });
  await outbox.start();
  return outbox;
}

async function add(conversationId: string, body: string): Promise<string> {
  const id = `event-${++serial}`;
  await store.addOutboxEvents('owner', [{ id, conversationId, body, createdAt: now }]);
  outbox?.wake();
  return id;
}

const bodies = (): string[] => sink.received.map(({ body }) => body);

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if (await what()) return;
    outbox?.wake();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it did not happen');
}

describe('delivery', () => {
  test('the reference library accepts the signature, also with two secrets', async () => {
    const older = `whsec_${Buffer.from('another secret that is older now').toString('base64')}`;
    // The library compares with the time of this machine.
    now = Date.now();
    await begin({ loggingSecret: `${secret},${older}` });
    const id = await add('a', '{"hello":"herd"}');
    await until(() => sink.received.length === 1);
    const { headers, body } = sink.received[0]!;
    expect(headers['webhook-id']).toBe(id);
    const known = headers as Record<string, string>;
    expect(new Webhook(secret).verify(body, known)).toEqual({ hello: 'herd' });
    expect(new Webhook(older).verify(body, known)).toEqual({ hello: 'herd' });
    expect(() => new Webhook(secret).verify(`${body} `, known)).toThrow();
  });

  test('without a secret it is said once, and nothing pretends to be signed', async () => {
    const said: string[] = [];
    outbox = createOutbox({
      store,
      http,
      clock,
      log: { ...silentLog, warn: (_fields, message) => void said.push(message) },
      config: { ...configOf(), loggingSecret: '' },
    });
    await outbox.start();
    await add('a', 'one');
    await add('a', 'two');
    await until(() => sink.received.length === 2);
    expect(said).toEqual([expect.stringContaining('LOGGING_SECRET is not set')]);
    expect((await outbox.status()).signed).toBe(false);
    for (const { headers } of sink.received) expect(headers['webhook-signature']).toBeUndefined();
  });

  test('events of one conversation keep their order through a failure; others go on', async () => {
    await begin();
    sink.behave((response, { body }) => {
      response.statusCode = body === 'a1' ? 500 : 200;
      response.end();
    });
    for (const body of ['a1', 'a2', 'b1', 'a3', 'b2']) await add(body[0]!, body);
    await until(() => bodies().includes('b2'));
    expect(bodies().filter((body) => body.startsWith('b'))).toEqual(['b1', 'b2']);
    expect(bodies()).not.toContain('a2');
    sink.behave((response) => response.end());
    await until(() => {
      now += 5000;
      return bodies().includes('a3');
    });
    expect(
      bodies()
        .filter((body) => body.startsWith('a'))
        .slice(-3),
    ).toEqual(['a1', 'a2', 'a3']);
    const [first, again] = sink.received.filter(({ body }) => body === 'a1');
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(again?.headers['webhook-timestamp']).not.toBe(first?.headers['webhook-timestamp']);
  });

  test('a redirect is a failure and is not followed', async () => {
    const other = await openLogSink();
    await begin();
    sink.behave((response) => response.writeHead(302, { location: other.url }).end());
    await add('a', 'secret words');
    await until(async () => (await outbox!.status()).lastError?.includes('302') === true);
    expect(other.received).toEqual([]);
    expect((await outbox!.status()).pending).toBe(1);
    await other.close();
  });

  test('410 switches delivery off; a replay switches it on again', async () => {
    await begin();
    sink.behave((response) => response.writeHead(410).end());
    await add('a', 'one');
    await until(async () => (await outbox!.status()).disabled !== null);
    await add('b', 'two');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bodies()).toEqual(['one']);
    sink.behave((response) => response.end());
    await outbox!.replay();
    await until(() => bodies().length === 3);
    expect((await outbox!.status()).disabled).toBeNull();
  });

  test('Retry-After holds back the whole sink', async () => {
    await begin();
    sink.behave((response) => response.writeHead(429, { 'retry-after': '600' }).end());
    await add('a', 'one');
    await until(async () => ((await outbox!.status()).nextAttemptAt ?? 0) >= now + 500_000);
    sink.behave((response) => response.end());
    await add('b', 'two');
    now += 599_000;
    outbox!.wake();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bodies()).toEqual(['one']);
    await until(() => {
      now += 2000;
      return bodies().length === 3;
    });
  });

  test('after the last attempt an event is dead, and can be replayed with its old id', async () => {
    await begin();
    sink.behave((response) => response.writeHead(500).end());
    const id = await add('a', 'one');
    for (let attempt = 1; attempt <= 10; attempt++) {
      await until(async () => {
        const { dead, nextAttemptAt } = await outbox!.status();
        return sink.received.length === attempt && (dead === 1 || (nextAttemptAt ?? 0) > now);
      });
      now += 27 * hour;
    }
    await until(async () => (await outbox!.status()).dead === 1);
    expect((await outbox!.dead({ limit: 10 })).items).toMatchObject([{ id, attempts: 10 }]);
    sink.behave((response) => response.end());
    expect(await outbox!.replay([id])).toBe(1);
    await until(() => sink.received.length === 11);
    expect(sink.received.at(-1)?.headers['webhook-id']).toBe(id);
    await until(async () => (await outbox!.status()).dead === 0);
  });

  test('a sink that hangs holds up its own conversation only', async () => {
    await begin();
    sink.behave((response, { body }) => void (body.startsWith('b') && response.end()));
    await add('a', 'a1');
    await until(() => bodies().includes('a1'));
    await add('b', 'b1');
    await until(() => bodies().includes('b1'));
    await until(async () => (await outbox!.status()).pending === 1);
  });

  test('a sink that lies about its answer is read no further than its status', async () => {
    await begin();
    sink.behave((response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      const flood = setInterval(() => response.write('x'.repeat(100_000)), 1);
      response.once('close', () => clearInterval(flood));
    });
    await add('a', 'one');
    await until(async () => (await outbox!.status()).pending === 0);
    sink.behave((response) => response.socket?.end('this is not HTTP at all\r\n\r\n'));
    await add('a', 'two');
    await until(async () => ((await outbox!.status()).nextAttemptAt ?? 0) > now);
    expect((await outbox!.status()).pending).toBe(1);
  });

  test('a sink that comes back gets everything at once, each event one time', async () => {
    await begin();
    sink.behave((response) => response.writeHead(503).end());
    for (let index = 0; index < 30; index++) await add(`chat-${index % 5}`, `chat-${index % 5}:${index}`);
    for (let round = 0; round < 6; round++) {
      now += 4 * hour;
      const before = sink.received.length;
      outbox!.wake();
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(sink.received.length).toBeGreaterThanOrEqual(before);
    }
    sink.received.length = 0;
    sink.behave((response) => response.end());
    await until(() => {
      now += hour;
      return sink.received.length >= 30;
    });
    expect(new Set(sink.received.map(({ headers }) => headers['webhook-id'])).size).toBe(30);
    for (let chat = 0; chat < 5; chat++) {
      const serials = bodies()
        .filter((body) => body.startsWith(`chat-${chat}:`))
        .map((body) => Number(body.split(':')[1]));
      expect(serials).toEqual([...serials].sort((left, right) => left - right));
    }
    expect(sink.received).toHaveLength(30);
  });
});

describe('bounds', () => {
  test('drop-oldest keeps the newest', async () => {
    for (let index = 0; index < 20; index++) await add(`c${index}`, 'x'.repeat(1000));
    await begin({ loggingMaxBytes: 5000 });
    expect((await outbox!.status()).pendingBytes).toBeLessThanOrEqual(5000);
    expect(outbox!.refusal()).toBeNull();
  });

  test('block makes new answers wait and drops nothing', async () => {
    for (let index = 0; index < 20; index++) await add(`c${index}`, 'x'.repeat(1000));
    sink.behave((response) => response.writeHead(500).end());
    await begin({ loggingMaxBytes: 5000, loggingWhenFull: 'block' });
    expect(outbox!.refusal()).toMatchObject({ code: 'log-full', status: 503 });
    expect((await outbox!.status()).pending).toBe(20);
    sink.behave((response) => response.end());
    await until(() => {
      now += hour;
      return outbox!.refusal() === null;
    });
  });
});

describe('a clock that jumps', () => {
  test('ahead drops nothing, though every event then looks old; what is old in truth goes', async () => {
    await begin({ loggingMaxDays: 1 / 8 });
    const { dropped } = await outbox!.status();
    sink.behave((response) => response.writeHead(500).end());
    await add('a', 'one');
    await until(async () => ((await outbox!.status()).nextAttemptAt ?? 0) > now);
    now += 365 * 24 * hour;
    await until(() => sink.received.length > 1);
    now -= 365 * 24 * hour;
    const status = await outbox!.status();
    expect([status.dropped, status.pending + status.dead]).toEqual([dropped, 1]);
    await until(async () => {
      now += hour;
      return (await outbox!.status()).dropped === dropped + 1;
    });
  });

  test('back does not hold up what was written, put off or paused while it was ahead', async () => {
    const year = 365 * 24 * hour;
    await begin();
    sink.behave((response) => response.writeHead(503, { 'retry-after': '3600' }).end());
    now += year;
    await add('a', 'one');
    await until(async () => ((await outbox!.status()).nextAttemptAt ?? 0) > now);
    sink.behave((response) => response.end());
    now -= year;
    await until(async () => (await outbox!.status()).pending === 0);
    expect(bodies()).toEqual(['one', 'one']);
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
