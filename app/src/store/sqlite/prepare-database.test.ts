import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isNewEnough } from '../../../../bin/runtime.mjs';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { createBackups } from '../backups.ts';
import { expectError, newChat, newMessage } from '../contract/parts.contract.ts';
import { applyMigrations, migrations, schemaVersion } from '../migrations/migrate.ts';
import type { Store } from '../store.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { isSafeVersion, openDatabase } from './open-database.ts';
import { networkFileSystemName } from './network-file-systems.ts';
import { createSqliteStore } from './sqlite-store.ts';

let home: string;
let path: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'corral-prepare-'));
  path = join(home, 'corral.db');
});
afterEach(() => rmSync(home, { recursive: true }));

const open = (): Promise<Store> =>
  createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 4096 });

/** Opens, does something, closes. */
async function session<Result>(use: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await open();
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

function editFile(statement: string): void {
  const database = new DatabaseSync(path);
  database.exec(statement);
  database.close();
}

/** Bytes of no meaning over the file from a page on. */
function damage(fromPage: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096 * fromPage, bytes.length - 4096);
  writeFileSync(path, bytes);
}

describe('the file as it is opened', () => {
  test('every setting that durability and erasure rest on is in force, in both connections', () => {
    for (const readOnly of [false, true]) {
      const { database, journalMode } = openDatabase({ path, readOnly });
      expect(journalMode).toBe('wal');
      const read = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      const names = [
        'synchronous',
        'foreign_keys',
        'secure_delete',
        'trusted_schema',
        'temp_store',
        'mmap_size',
      ];
      expect(names.map((name) => read(name))).toEqual([2, 1, 1, 0, 2, 0]);
      database.close();
    }
  });

  test('the search index deletes for good', async () => {
    await session(async () => undefined);
    const database = new DatabaseSync(path);
    for (const index of ['message_search', 'chat_search'])
      expect(database.prepare(`select v from ${index}_config where k = 'secure-delete'`).get()).toEqual({
        v: 1,
      });
    database.close();
  });

  test('on a network file system it works without shared memory, and says so', () => {
    const { database, journalMode, warning } = openDatabase({
      path,
      readOnly: false,
      networkFileSystem: 'NFS',
    });
    expect(journalMode).toBe('delete');
    expect(warning).toContain('NFS');
    database.close();
    expect([0x69_69, 0xff_53_4d_42, 0xef_53].map((type) => networkFileSystemName(type))).toEqual([
      'NFS',
      'CIFS',
      undefined,
    ]);
  });

  test.each([
    ['3.51.3', true],
    ['3.53.0', true],
    ['4.0.0', true],
    ['3.51.2', false],
    ['3.50.9', false],
    ['2.99.99', false],
  ])('an SQLite with the WAL-reset fault is refused, and its Node not started: %s', (sqlite, isSafe) => {
    expect(isSafeVersion(sqlite)).toBe(isSafe);
    expect(isNewEnough({ node: '24.0.0', sqlite })).toBe(isSafe);
    expect(isNewEnough({ node: '22.99.0', sqlite })).toBe(false);
  });

  test('a Node without SQLite is not started', () => {
    expect(isNewEnough({ node: '24.0.0' })).toBe(false);
  });

  test('files are for this user alone', async () => {
    await session((store) => store.backup(join(home, 'backups', 'one.db')));
    expect(statSync(join(home, 'backups', 'one.db')).mode & 0o777).toBe(0o600);
    expect(statSync(path).mode & 0o077).toBe(0);
  });
});

describe('versions', () => {
  test('a newer database is refused with both versions and left alone', async () => {
    await session(async () => undefined);
    editFile(`insert into corral_migration values (${schemaVersion + 1}, 'from the future', 'system')`);
    const before = readFileSync(path);
    const error = await expectError(open(), 'store-newer');
    expect(error.details).toEqual({ version: schemaVersion + 1, known: schemaVersion });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test.each([
    'create trigger spy after insert on message begin delete from chat; end',
    'create view spy as select * from message',
    'create table spy (content text)',
  ])('a backup to which somebody added %s is refused, and nothing changes', async (statement) => {
    const backup = join(home, 'given.db');
    await session(async (store) => {
      const { id } = await store.createChat('me', newChat());
      await store.backup(backup);
      const strange = new DatabaseSync(backup);
      strange.exec(statement);
      strange.close();
      await expectError(store.restoreBackup(backup), 'file-invalid');
      expect((await store.openChat('me', id))?.chat.id).toBe(id);
    });
  });

  test.each([
    ['begins as a database and is none', () => Buffer.from(`SQLite format 3\0${'x'.repeat(5000)}`)],
    ['is cut short', (whole: Buffer) => whole.subarray(0, 5000)],
    ['has bytes of no meaning', (whole: Buffer) => Buffer.from(whole).fill(0xa5, 100, 20_000)],
  ])('a backup that %s is refused as a file, and the database is not blamed', async (_what, alter) => {
    const backup = join(home, 'given.db');
    await session(async (store) => {
      await store.backup(backup);
      writeFileSync(backup, alter(readFileSync(backup)));
      await expectError(store.readBackup(backup), 'file-invalid');
      await expectError(store.restoreBackup(backup), 'file-invalid');
      expect((await store.health()).writable).toBe(true);
    });
  });

  test('the database of another program is refused and left alone', async () => {
    editFile('create table theirs (a)');
    await expectError(open(), 'store-unsafe');
    const database = new DatabaseSync(path);
    expect(database.prepare('select name from sqlite_master').all()).toEqual([{ name: 'theirs' }]);
    database.close();
  });

  test('an older database is backed up as it was, then brought up to date', async () => {
    const database = new DatabaseSync(path);
    await applyMigrations(
      new Kysely<never>({ dialect: nodeSqliteDialect(database) }),
      'sqlite',
      migrations.slice(0, 1),
    );
    database.exec(`insert into chat (id, owner, title, title_source, pinned, settings_json, version, created_at, updated_at)
      values ('old', 'me', 'kept', 'hand', 0, '{}', 1, 1, 1)`);
    database.close();
    await session(async (store) => {
      expect(await store.getChat('me', 'old')).toMatchObject({ title: 'kept', tags: [] });
      expect((await store.health()).schemaVersion).toBe(schemaVersion);
    });
    const [made = ''] = readdirSync(join(home, 'backups'));
    expect(made).toContain(`before-v${schemaVersion}`);
    const backup = new DatabaseSync(join(home, 'backups', made), { readOnly: true });
    expect(backup.prepare('select title from chat').all()).toEqual([{ title: 'kept' }]);
    expect(backup.prepare("select name from sqlite_master where name = 'chat_tag'").all()).toEqual([]);
    backup.close();
  });

  test('a migration that fails leaves nothing of itself behind', async () => {
    await session((store) => store.createChat('me', newChat()));
    const database = new DatabaseSync(path);
    const kysely = new Kysely<never>({ dialect: nodeSqliteDialect(database) });
    const failing = {
      version: schemaVersion + 1,
      name: 'failing',
      async up(transaction: Kysely<never>) {
        await sql`create table half_done (a)`.execute(transaction);
        throw new Error('the power went');
      },
    };
    database.exec('BEGIN IMMEDIATE');
    await expect(applyMigrations(kysely, 'sqlite', [...migrations, failing])).rejects.toThrow(
      'the power went',
    );
    database.exec('ROLLBACK');
    expect(
      database.prepare("select count(*) as n from sqlite_master where name = 'half_done'").get(),
    ).toEqual({ n: 0 });
    database.close();
    await session(async (store) => expect((await store.listChats('me', { limit: 5 })).items).toHaveLength(1));
  });

  test('every table has an owner, and what is personal is known to the erasure', async () => {
    await session(async () => undefined);
    const database = new DatabaseSync(path, { readOnly: true });
    const tables = database
      .prepare(
        "select name from pragma_table_list where schema = 'main' and type = 'table' and name not like 'sqlite_%'",
      )
      .all() as { name: string }[];
    for (const { name } of tables) {
      const columns = database.prepare(`select name from pragma_table_info('${name}')`).all();
      expect(columns, name).toContainEqual({ name: 'owner' });
    }
    expect(tables.map((table) => table.name).sort()).toEqual(
      [...(await import('../schema.ts')).allTables, 'corral_migration'].sort(),
    );
    database.close();
  });
});

describe('damage', () => {
  test('backups that are asked for in the same moment are files of their own', async () => {
    await session(async (store) => {
      const folder = join(home, 'backups');
      const clock = { now: () => Date.parse('2026-01-01') };
      const backups = createBackups({ store, folder, temporary: join(home, 'tmp'), clock });
      const made = await Promise.all([backups.create(), backups.create(), backups.create()]);
      expect(new Set(made.map(({ name }) => name)).size).toBe(3);
      expect(await backups.list()).toHaveLength(3);
    });
  });

  test('after an unclean stop the file is checked, set aside, and the newest good backup restored', async () => {
    let now = Date.parse('2026-01-01');
    const kept = await session(async (store) => {
      const backups = createBackups({
        store,
        folder: join(home, 'backups'),
        temporary: join(home, 'tmp'),
        clock: { now: () => (now += 1000) },
      });
      const chat = await store.createChat('me', newChat({ title: 'kept' }));
      await backups.daily();
      for (let at = 0; at < 200; at++)
        await store.addMessage('me', { chatId: chat.id, message: newMessage(`text ${at} `.repeat(50)) });
      writeFileSync((await backups.daily()).path, 'a backup that is damaged too');
      return chat;
    });
    damage(3);
    writeFileSync(`${path}-check`, '');
    await session(async (store) => {
      const { notices } = await store.health();
      expect(notices.join()).toMatch(/damaged.*2026-01-01T00:00:01.*restored.*kept in/s);
      expect(await store.getChat('me', kept.id)).toMatchObject({ title: 'kept', messageCount: 0 });
    });
    const [folder] = readdirSync(join(home, 'damaged'));
    expect(readdirSync(join(home, 'damaged', folder ?? ''))).toContain('corral.db');
    await session(async (store) => expect((await store.health()).notices).toEqual([]));
  });

  test('a file that is no database at all is set aside; without a backup it starts empty and says so', async () => {
    writeFileSync(path, 'this is not a database, but it was somebody’s file '.repeat(200));
    await session(async (store) => {
      expect((await store.health()).notices.join()).toMatch(
        /there is no backup, so it starts empty.*kept in/,
      );
      await store.createChat('me', newChat());
    });
    const [folder] = readdirSync(join(home, 'damaged'));
    expect(readFileSync(join(home, 'damaged', folder ?? '', 'corral.db'), 'utf8')).toContain('somebody’s');
  });

  test('damage that shows at work is reported, and the next start deals with it', async () => {
    await session(async (store) => {
      const { id } = await store.createChat('me', newChat());
      for (let at = 0; at < 300; at++)
        await store.addMessage('me', { chatId: id, message: newMessage(`text ${at} `.repeat(80)) });
    });
    // The pages of the schema are older and stay whole, so that it opens.
    damage(100);
    await session(async (store) => {
      expect((await store.health()).notices).toEqual([]);
      const outcome = await store.exportChats('me', { limit: 100 }).catch((error: unknown) => error);
      expect(outcome).toMatchObject({ code: 'store-damaged' });
    });
    expect(existsSync(`${path}-check`)).toBe(true);
    await session(async (store) => expect((await store.health()).notices.join()).toMatch(/damaged/));
  });
});

describe('a database that another program keeps locked', () => {
  test('writing says so after a while and works again afterwards; reading goes on', async () => {
    await session(async (store) => {
      const { id } = await store.createChat('me', newChat());
      const other = new DatabaseSync(path);
      other.exec('BEGIN IMMEDIATE');
      const error = await expectError(store.createChat('me', newChat()), 'store-unavailable');
      expect(error.hint).toContain('corral.db');
      expect(await store.getChat('me', id)).toMatchObject({ id });
      other.exec('ROLLBACK');
      other.close();
      await store.createChat('me', newChat());
      expect((await store.health()).writable).toBe(true);
    });
  });
});

describe('erasure', () => {
  test('a reader of an older state delays it, and holds nobody else up', async () => {
    await session(async (store) => {
      const { id: chatId } = await store.createChat('me', newChat());
      await store.addMessage('me', { chatId, message: newMessage('zqsecretword') });
      const reader = new DatabaseSync(path, { readOnly: true });
      reader.exec('BEGIN');
      reader.prepare('select count(*) from message').get();
      let isErased = false;
      const erasing = store.erase('me', { chatId }).then(() => (isErased = true));
      const began = performance.now();
      await store.createChat('me', newChat());
      expect(performance.now() - began).toBeLessThan(2000);
      expect(isErased).toBe(false);
      expect(readFileSync(`${path}-wal`).includes('zqsecretword')).toBe(true);
      reader.exec('ROLLBACK');
      reader.close();
      await erasing;
      expect(readFileSync(`${path}-wal`).includes('zqsecretword')).toBe(false);
      expect(readFileSync(path).includes('zqsecretword')).toBe(false);
    });
  });
});
