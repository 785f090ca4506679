import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { backupName } from '../backup-names.ts';
import { expectError, newChat } from '../contract/parts.contract.ts';
import type { Store } from '../store.ts';
import { createPostgresStore } from './postgres-store.ts';

/** In place of a minute. */
const statementTimeoutMs = 1000;
let server: PostgresServer;
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
  const url = await server.url(`vacuum${(databases += 1)}`);
  const options = encodeURIComponent(`-c statement_timeout=${statementTimeoutMs}`);
  store = await createPostgresStore({
    url: `${url}&options=${options}`,
    home,
    clock: systemClock,
    log: silentLog,
  });
  other = new Client({ connectionString: url });
  await other.connect();
});
afterEach(async () => {
  await other.end();
  await store.close();
  rmSync(home, { recursive: true });
});

/** What deletes gets by; a vacuum has to wait. */
const holdVacuum = () => other.query('begin; lock table job in share update exclusive mode');

/** The process of a vacuum that waits. */
async function waitingVacuum(): Promise<number> {
  return vi.waitFor(
    async () => {
      const { rows } = await other.query<{ pid: number }>('select pid from pg_locks where not granted');
      expect(rows).toHaveLength(1);
      return rows[0]!.pid;
    },
    { timeout: 15_000 },
  );
}

test('an erasure takes the time that its vacuum needs, and other calls are still held to theirs', async () => {
  const { id: chatId } = await store.createChat('me', newChat());
  await holdVacuum();
  const erasing = store.erase('me', { chatId });
  await waitingVacuum();
  await sleep(2 * statementTimeoutMs);
  await other.query('commit');
  expect(await erasing).toEqual({ chatIds: [chatId] });
  await other.query('begin; lock table chat in access exclusive mode');
  await expectError(store.getChat('me', chatId), 'store-unavailable');
});

test('backups lose what is erased also where the vacuum fails, and the failure is told', async () => {
  const { id: chatId } = await store.createChat('me', newChat({ title: 'quetzalcoatlus' }));
  const path = join(home, 'backups', backupName(1e12, 'manual', '.corral.gz'));
  await store.backup(path);
  const holds = (): boolean => gunzipSync(readFileSync(path)).includes('quetzalcoatlus');
  expect(holds()).toBe(true);
  await holdVacuum();
  const refused = expectError(store.erase('me', { chatId }), 'store-unavailable');
  await other.query('select pg_cancel_backend($1)', [await waitingVacuum()]);
  expect((await refused).message).toContain('It is deleted');
  expect(holds()).toBe(false);
});
