import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { backupName } from '../backup-names.ts';
import { expectError, newChat, newMessage } from '../contract/parts.contract.ts';
import type { Store } from '../store.ts';
import { createPostgresStore } from './postgres-store.ts';

/** In place of a minute, and of a minute and a half. */
const statementTimeoutMs = 2000;
const silenceMs = statementTimeoutMs * 2;
let server: PostgresServer;
let url: string;
let home: string;
let store: Store;
/** Somebody else on the same database. */
let other: Client;
let databases = 0;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
});
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'corral-vacuum-'));
  url = await server.url(`vacuum${(databases += 1)}`);
  store = await open([]);
  other = new Client({ connectionString: url });
  await other.connect();
});
afterEach(async () => {
  await other.end();
  await store.close();
  rmSync(home, { recursive: true });
});

function open(settings: string[]): Promise<Store> {
  const options = [`statement_timeout=${statementTimeoutMs}`, ...settings].map((setting) => `-c ${setting}`);
  return createPostgresStore({
    url: `${url}&query_timeout=${silenceMs}&options=${encodeURIComponent(options.join(' '))}`,
    home,
    clock: systemClock,
    log: silentLog,
  });
}

/** What deletes gets by; a vacuum has to wait. */
const holdVacuum = () => other.query('begin; lock table job in share update exclusive mode');

test('an erasure takes the time that its vacuum needs, and other calls are still held to theirs', async () => {
  const slow = await open(['vacuum_cost_delay=100', 'vacuum_cost_limit=1']);
  onTestFinished(() => slow.close());
  const { id: chatId } = await slow.createChat('me', newChat());
  for (let count = 0; count < 140; count++)
    await slow.addMessage('me', { chatId, message: newMessage('word '.repeat(300)) });
  const erasing = slow.erase('me', { chatId });
  await vi.waitFor(
    async () => {
      const { rows } = await other.query(
        `select from pg_stat_activity where query like 'vacuum%' and state = 'active'
           and clock_timestamp() - query_start > $1`,
        [`${silenceMs * 1.1} ms`],
      );
      expect(rows).toHaveLength(1);
    },
    { timeout: 25_000 },
  );
  expect(await erasing).toEqual({ chatIds: [chatId] });
  await other.query('begin; lock table chat in access exclusive mode');
  await expectError(slow.getChat('me', chatId), 'store-unavailable');
});

test('backups lose what is erased also where somebody keeps a table from being vacuumed, and go on', async () => {
  const { id: chatId } = await store.createChat('me', newChat({ title: 'quetzalcoatlus' }));
  const path = join(home, 'backups', backupName(1e12, 'manual', '.corral.gz'));
  await store.backup(path);
  const holds = (): boolean => gunzipSync(readFileSync(path)).includes('quetzalcoatlus');
  expect(holds()).toBe(true);
  await holdVacuum();
  const error = await expectError(store.erase('me', { chatId }), 'store-unavailable');
  expect(error.message).toContain('It is deleted');
  expect(holds()).toBe(false);
  await store.backup(join(home, 'backups', backupName(2e12, 'manual', '.corral.gz')));
});
