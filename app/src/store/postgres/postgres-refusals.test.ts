import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { Client, Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { expectError, finish, startRun } from '../contract/parts.contract.ts';
import { listBackupFiles } from '../backup-names.ts';
import { applyMigrations, migrations, schemaVersion } from '../migrations/migrate.ts';
import type { Store } from '../store.ts';
import { createPool, postgresDialect } from './postgres-pool.ts';
import { requireSafeServer } from './postgres-safety.ts';
import { createPostgresStore } from './postgres-store.ts';

const home = mkdtempSync(join(tmpdir(), 'corral-pgrefusal-'));
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(home, { recursive: true });
});

const open = (url: string): Promise<Store> =>
  createPostgresStore({ url, home, clock: systemClock, log: silentLog });

async function query(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

test('a server that does not wait for the disk is refused, with the setting named', async () => {
  const unsafe = await startPostgres({ settings: ['fsync=off'] });
  try {
    const error = await expectError(open(await unsafe.url('unsafe')), 'store-unsafe');
    expect(error.message).toContain('fsync=off');
    expect(error.hint).toContain('fsync=on');
  } finally {
    await unsafe.stop();
  }
});

test.each(['', '&options=-c%20search_path%3Dpublic%20-c%20synchronous_commit%3Doff'])(
  'a server that acknowledges early by default does not for us, whatever the address says (%s)',
  async (options) => {
    const name = `early${options.length}`;
    const url = await server.url(name);
    await query(url, `alter database ${name} set synchronous_commit = off`);
    const pool = createPool(`${url}${options}`);
    const setting = async (which: string): Promise<unknown> =>
      (await pool.query<Record<string, string>>(`show ${which}`)).rows[0]?.[which];
    expect(await setting('synchronous_commit')).toBe('on');
    expect(await setting('statement_timeout')).toBe('1min');
    expect(await setting('search_path')).toBe(options === '' ? '"$user", public' : 'public');
    await pool.end();
  },
);

test('one that acknowledges early all the same, because our options do not reach it, is refused', async () => {
  const url = await server.url('deaf');
  await query(url, 'alter database deaf set synchronous_commit = off');
  const database = new Kysely<never>({ dialect: postgresDialect(new Pool({ connectionString: url })) });
  const error = await expectError(requireSafeServer(database), 'store-unsafe');
  expect(error.message).toContain('synchronous_commit=off');
  await database.destroy();
});

test('a newer database is refused and left alone', async () => {
  const url = await server.url('newer');
  await (await open(url)).close();
  await query(url, `insert into corral_migration values (${schemaVersion + 1}, 'from the future', 'system')`);
  const error = await expectError(open(url), 'store-newer');
  expect(error.details).toEqual({ version: schemaVersion + 1, known: schemaVersion });
});

test('an older database is written to an archive as it was, then brought up to date', async () => {
  const url = await server.url('older');
  const database = new Kysely<never>({ dialect: postgresDialect(createPool(url)) });
  await database
    .transaction()
    .execute((transaction) => applyMigrations(transaction, 'postgres', migrations.slice(0, 1)));
  await database.destroy();
  await query(
    url,
    `insert into chat (id, owner, title, title_source, pinned, settings_json, version, created_at, updated_at)
     values ('old', 'me', 'kept', 'hand', 0, '{}', 1, 1, 1)`,
  );
  const backups = join(home, 'backups');
  const store = await open(url);
  expect(await store.getChat('me', 'old')).toMatchObject({ title: 'kept', tags: [] });
  const made = listBackupFiles(backups).filter(({ reason }) => reason === `before-v${schemaVersion}`);
  expect(made).toHaveLength(1);
  await store.updateChat('me', { chatId: 'old', version: 1, change: { title: 'changed', tags: ['new'] } });
  await store.restoreBackup(made[0]!.path);
  expect(await store.getChat('me', 'old')).toMatchObject({ title: 'kept', tags: [] });
  await store.close();
});

test('an older database that cannot be saved first is not migrated', async () => {
  const url = await server.url('unsaved');
  await (await open(url)).close();
  await query(url, 'drop table chat_tag');
  await query(url, `delete from corral_migration where version = ${schemaVersion}`);
  const file = join(home, 'a file');
  writeFileSync(file, '');
  const refused = createPostgresStore({ url, home: file, clock: systemClock, log: silentLog });
  await expect(refused).rejects.toBeInstanceOf(Error);
  const client = new Client({ connectionString: url });
  await client.connect();
  expect((await client.query('select max(version) as version from corral_migration')).rows).toEqual([
    { version: schemaVersion - 1 },
  ]);
  await client.end();
});

test('who is not there, or does not let us in, is named without secrets', async () => {
  const nowhere = await expectError(open('postgresql://me:hidden@/x?host=/nonexistent'), 'store-unavailable');
  const unknown = (await server.url('known')).replace('/known?', '/unknown?');
  const refused = await expectError(open(unknown), 'store-unavailable');
  expect(refused.hint).toContain('DATABASE_URL');
  expect(JSON.stringify([nowhere, refused])).not.toContain('hidden');
});

test('two servers on one database start at once, and hear of each other’s runs', async () => {
  const url = await server.url('shared');
  const [one, two] = await Promise.all([open(url), open(url)]);
  const run = await startRun(one, 'me');
  const phases: string[] = [];
  for await (const notice of two.watchRun('me', run.runId, AbortSignal.timeout(10_000))) {
    phases.push(notice.phase);
    if (phases.length === 1) await one.finishRun('me', finish(run.runId, { offset: 0, text: 'done' }));
  }
  expect(phases.at(-1)).toBe('ended');
  await Promise.all([one.close(), two.close()]);
});

test('after connections were cut, calls work again and watchers hear what they missed', async () => {
  const url = await server.url('cut');
  const store = await open(url);
  const run = await startRun(store, 'me');
  const phases: string[] = [];
  for await (const notice of store.watchRun('me', run.runId, AbortSignal.timeout(20_000))) {
    phases.push(notice.phase);
    if (phases.length > 1) continue;
    await query(
      url,
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'cut' and pid <> pg_backend_pid()",
    );
    const end = finish(run.runId, { offset: 0, text: 'done' });
    while (!(await store.finishRun('me', end).catch(() => false))) {
      if ((await store.getRun('me', run.runId).catch(() => null))?.phase === 'ended') break;
    }
  }
  expect(phases.at(-1)).toBe('ended');
  expect((await store.getMessage('me', run.messageId))?.content).toBe('done');
  await store.close();
});
