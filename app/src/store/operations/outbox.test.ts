import { DatabaseSync } from 'node:sqlite';
import { type CompiledQuery, Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyMigrations } from '../migrations/migrate.ts';
import type { Schema } from '../schema.ts';
import { nodeSqliteDialect } from '../sqlite/node-sqlite-dialect.ts';
import { sqliteSearch } from '../sqlite/sqlite-search.ts';
import { outboxReading, outboxWriting } from './outbox.ts';
import type { Session } from './session.ts';

/** What is asked again and again while a sink is away must not read the bodies of all that waits: up to a gigabyte. */

let sqlite: DatabaseSync;
let asked: CompiledQuery[];
let session: Session;

beforeEach(async () => {
  sqlite = new DatabaseSync(':memory:');
  asked = [];
  const database = new Kysely<Schema>({
    dialect: nodeSqliteDialect(sqlite),
    log: ({ query }) => void asked.push(query),
  });
  await applyMigrations(database as unknown as Kysely<never>, 'sqlite');
  asked = [];
  session = { database, dialect: sqliteSearch, notices: [], erased: null, truncateLog: false };
});
afterEach(() => sqlite.close());

/** How SQLite looks at the table in each of the statements that were sent. */
function looks(): string[] {
  return asked
    .flatMap(({ sql, parameters }) =>
      sqlite.prepare(`explain query plan ${sql}`).all(...(parameters as (string | number)[])),
    )
    .map(({ detail }) => String(detail))
    .filter((detail) => / outbox\b/u.test(detail));
}

test('the figures of the queue come from an index alone', async () => {
  await outboxReading.outboxStatus(session);
  expect(looks()).toEqual(['SCAN outbox USING COVERING INDEX outbox_size']);
});

test('its bounds are looked at in an index alone while nothing is beyond them', async () => {
  await outboxWriting.trimOutbox(session, { maxBytes: 1000, createdBefore: 10 });
  const [old, size, ...more] = looks();
  expect(old).toMatch(/^SEARCH outbox USING (COVERING )?INDEX outbox_size \(state=\? AND created_at<\?\)$/u);
  expect(size).toBe('SCAN outbox USING COVERING INDEX outbox_size');
  expect(more).toEqual([]);
});

test('what is beyond them goes, the oldest first, however many those are', async () => {
  const events = Array.from({ length: 100 }, (_, index) => ({
    id: `event-${index}`,
    conversationId: 'chat',
    body: 'x'.repeat(10),
    createdAt: index,
  }));
  await outboxWriting.addOutboxEvents(session, 'me', events);
  expect(await outboxWriting.trimOutbox(session, { maxBytes: 55, createdBefore: 30 })).toBe(95);
  expect(await outboxReading.outboxStatus(session)).toMatchObject({
    pending: 5,
    oldestPendingAt: 95,
    dropped: 95,
  });
  expect(await outboxWriting.trimOutbox(session, { maxBytes: 0, createdBefore: 0 })).toBe(5);
});
