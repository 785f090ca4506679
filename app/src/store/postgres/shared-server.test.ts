import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { expectError, newChat } from '../contract/parts.contract.ts';
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
async function opened(
  name: string,
  clock = systemClock,
  options = '',
): Promise<{ store: Store; other: Client }> {
  const url = await server.url(name);
  const other = new Client({ connectionString: url });
  await other.connect();
  const store = await createPostgresStore({
    url: `${url}&options=${encodeURIComponent(options)}`,
    home,
    clock,
    log: silentLog,
  });
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

test('a server that only reads, as a standby does, is not ready to be written to', async () => {
  const { store, other } = await opened('standby');
  expect(await store.health()).toMatchObject({ writable: true });
  await other.query('alter database standby set default_transaction_read_only = on');
  await other.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = 'standby' and pid <> pg_backend_pid()`,
  );
  await vi.waitUntil(async () => (await store.health().catch(() => null))?.writable === false, {
    timeout: 20_000,
  });
  await expectError(store.createChat('me', newChat()), 'store-unavailable');
});

const fullDisk = `create function full_disk() returns trigger language plpgsql as
  $$ begin raise exception 'No space left on device' using errcode = 'disk_full'; end $$`;

test('a full disk is remembered until as much is written as was refused, or a minute has passed', async () => {
  let ahead = 0;
  const clock = { now: () => systemClock.now() + ahead };
  const { store, other } = await opened('full', clock);
  const refuse = (when: string) =>
    other.query(
      `create trigger full_disk before insert on chat for each row when (${when}) execute function full_disk()`,
    );
  await other.query(fullDisk);
  await refuse("new.title <> ''");
  const create = (title: string) => store.createChat('me', newChat({ title }));
  const isWritable = async (): Promise<boolean> => (await store.health()).writable;
  await expectError(create('large'), 'disk-full');
  expect(await isWritable()).toBe(false);
  await create('');
  expect(await isWritable()).toBe(false);
  const now = clock.now();
  await store.leaseJob({ kinds: ['nothing'.repeat(1000)], worker: 'w', now, leasedUntil: now });
  expect(await isWritable()).toBe(false);
  ahead = 61_000;
  expect(await isWritable()).toBe(true);
  await expectError(create('large'), 'disk-full');
  expect(await isWritable()).toBe(false);
  await other.query('drop trigger full_disk on chat');
  await create('large');
  expect(await isWritable()).toBe(true);
});

test('a restore for which there was no room says so to whoever asks, until a message is taken', async () => {
  const { store, other } = await opened('overfull');
  await store.createChat('me', newChat());
  const path = join(home, 'overfull.corral.gz');
  await store.backup(path);
  await other.query(fullDisk);
  await other.query('create trigger full_disk before insert on chat execute function full_disk()');
  await expectError(store.restoreBackup(path), 'disk-full');
  expect((await store.health()).writable).toBe(false);
  await other.query('drop trigger full_disk on chat');
  await store.createChat('me', newChat());
  expect((await store.health()).writable).toBe(true);
});

test(
  'a restore gives way to somebody who holds what it needs and needs what it holds, and begins again',
  {
    timeout: 60_000,
  },
  async () => {
    const { store, other } = await opened('crossing', systemClock, '-c deadlock_timeout=10s');
    const { id } = await store.createChat('me', newChat({ title: 'kept' }));
    const path = join(home, 'crossing.corral.gz');
    await store.backup(path);
    await store.erase('me', { chatId: id });
    // The restore finds out first, as it looks only once, when the other has long begun to wait as well.
    await other.query('set deadlock_timeout = 60000; begin; lock table run in row exclusive mode');
    const restoring = store.restoreBackup(path);
    restoring.catch(() => undefined);
    await vi.waitUntil(
      async () => (await other.query('select from pg_locks where not granted')).rowCount === 1,
      { timeout: 20_000 },
    );
    await other.query('lock table outbox in row exclusive mode');
    await other.query('commit');
    await restoring;
    expect(await store.getChat('me', id)).toMatchObject({ title: 'kept' });
  },
);
