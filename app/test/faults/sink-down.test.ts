import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import { createHttpClient } from '../../src/net/http-client.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { openLogSink } from '../fixtures/log-sink.ts';

const events = 10_000;
const conversations = 200;
const minute = 60_000;

test(
  `a sink that is down for a day gets all ${events} events afterwards, once per id, in order`,
  { timeout: 180_000 },
  async () => {
    const home = mkdtempSync(join(tmpdir(), 'corral-sink-'));
    let now = Date.UTC(2026, 10, 20);
    const clock = { now: () => now };
    const store = await createSqliteStore({ home, clock, log: silentLog, reserveBytes: 65_536 });
    const http = createHttpClient({ allowedHosts: ['127.0.0.1'], log: silentLog });
    const sink = await openLogSink();
    const down = [500, 503, 429, 302, 'reset'] as const;
    let attempts = 0;
    sink.behave((response) => {
      const how = down[attempts++ % down.length];
      if (how === 'reset') response.destroy();
      else response.writeHead(how ?? 500, { location: '/elsewhere' }).end();
    });
    const outbox = createOutbox({
      store,
      http,
      clock,
      log: silentLog,
      config: {
        loggingUrl: sink.url,
        loggingSecret: 'a plain secret',
        loggingMode: 'full',
        loggingMaxBytes: 1e9,
        loggingMaxDays: 30,
        loggingWhenFull: 'drop-oldest',
      },
    });
    await outbox.start();
    try {
      const ids: string[] = [];
      for (let batch = 0; batch < 48; batch++) {
        const made = [];
        for (let index = ids.length; index < Math.round(((batch + 1) * events) / 48); index++) {
          const conversationId = `conversation-${index % conversations}`;
          made.push({
            id: `event-${index}`,
            conversationId,
            body: JSON.stringify({ index }),
            createdAt: now,
          });
          ids.push(`event-${index}`);
        }
        await store.addOutboxEvents('owner', made);
        outbox.wake();
        await new Promise((resolve) => setTimeout(resolve, 20));
        now += 30 * minute;
      }
      expect((await outbox.status()).pending).toBe(events);
      while ((await store.dueOutboxEvents({ now, limit: 1, except: [] })).length > 0) {
        outbox.wake();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const failed = sink.received.length;
      expect(failed).toBeGreaterThanOrEqual(conversations);
      sink.received.length = 0;
      sink.behave((response) => response.end());
      now += 20 * 60 * minute;
      const began = performance.now();
      while ((await outbox.status()).pending > 0) {
        outbox.wake();
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(performance.now() - began).toBeLessThan(150_000);
      }
      const received = sink.received.map(({ headers, body }) => ({
        id: String(headers['webhook-id']),
        index: (JSON.parse(body) as { index: number }).index,
      }));
      console.log(
        `sink down for a day: ${failed} failed attempts, then ${received.length} events in ${Math.round(performance.now() - began)} ms`,
      );
      expect(received).toHaveLength(events);
      expect(new Set(received.map(({ id }) => id))).toEqual(new Set(ids));
      const last = new Map<number, number>();
      for (const { index } of received) {
        expect(index).toBeGreaterThan(last.get(index % conversations) ?? -1);
        last.set(index % conversations, index);
      }
      expect(await outbox.status()).toMatchObject({ delivered: events, dead: 0, pending: 0 });
    } finally {
      await outbox.close();
      await http.close();
      await sink.close();
      await store.close();
      rmSync(home, { recursive: true, force: true });
    }
  },
);
