import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { newChat } from '../contract/parts.contract.ts';
import type { Store } from '../store.ts';
import { createPostgresStore } from './postgres-store.ts';

const home = mkdtempSync(join(tmpdir(), 'corral-pgshared-'));
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(home, { recursive: true });
});

/** A store, and somebody else on the same database. */
async function opened(name: string): Promise<{ store: Store; other: Client }> {
  const url = await server.url(name);
  const other = new Client({ connectionString: url });
  await other.connect();
  const store = await createPostgresStore({ url, home, clock: systemClock, log: silentLog });
  onTestFinished(async () => {
    await store.close();
    await other.end();
  });
  return { store, other };
}

test('tables of other programs, in other schemas, are none of ours', async () => {
  const { store, other } = await opened('shared');
  await other.query('create schema another; create table another.chat (x int)');
  await other.query('create schema zoo; create table zoo.chat (x int)');
  const { id } = await store.createChat('me', newChat({ title: 'kept' }));
  const path = join(home, 'shared.corral.gz');
  await store.backup(path);
  await store.erase('me', { chatId: id });
  await store.restoreBackup(path);
  expect(await store.getChat('me', id)).toMatchObject({ title: 'kept' });
});
