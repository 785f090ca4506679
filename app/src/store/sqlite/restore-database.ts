import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely } from 'kysely';
import type { BackupContents } from '../../contracts/api/system.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';
import { backupKind, readLines } from '../archive-file.ts';
import { importLines } from '../archive.ts';
import { applyMigrations, readVersion } from '../migrations/migrate.ts';
import type { Schema } from '../schema.ts';
import { takeFrom } from './backup-files.ts';
import { foreignObjects } from './foreign-objects.ts';
import { isSound } from './integrity.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { busyTimeoutMs, openDatabase } from './open-database.ts';
import { fromSqliteError } from './sqlite-errors.ts';
import { sqliteSearch } from './sqlite-search.ts';
import type { WorkerSetup } from './worker-messages.ts';

/** In one step: the pages go over in one transaction of the target. */
const allPages = 0x7f_ff_ff_ff;
/** Between two commits of answers that are being written there is more time. */
const retryMs = 20;

/** Makes of a backup a database beside the live one, checked and of our version: what takes long and disturbs nobody. */
export async function prepareRestore(path: string, copy: string): Promise<void> {
  const isArchive = backupKind(path) === 'archive';
  if (isArchive) mkdirSync(dirname(copy), { recursive: true, mode: 0o700 });
  else takeFrom(path, copy);
  await ofFile(path, async () => {
    const { database } = openDatabase({ path: copy, readOnly: false });
    try {
      await (isArchive ? fillCopy(database, path) : checkCopy(database, path));
    } finally {
      database.close();
    }
  });
}

/** Overwrites the live database with the pages of a prepared one, in one transaction that all connections see. */
export async function restoreDatabase(setup: WorkerSetup, copy: string): Promise<void> {
  const { database } = openDatabase({ path: copy, readOnly: false });
  try {
    await overwrite(setup.path, database);
  } finally {
    database.close();
  }
}

/** What is being written there goes first. Node opens the target without the patience that our own connections have. */
async function overwrite(path: string, database: DatabaseSync): Promise<void> {
  const deadline = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      await backup(database, path, { rate: allPages });
      return;
    } catch (error) {
      const known = fromSqliteError(error);
      if (known.code !== 'store-unavailable' || performance.now() > deadline) throw known;
      await sleep(retryMs);
    }
  }
}

/** Counts what a backup holds, without a trace beside it. */
export function databaseContents(path: string): Promise<BackupContents> {
  return ofFile(path, () => countContents(path));
}

async function countContents(path: string): Promise<BackupContents> {
  const database = new DatabaseSync(path, { readOnly: true, allowExtension: false });
  try {
    const kysely = new Kysely<never>({ dialect: nodeSqliteDialect(database) });
    if ((await readVersion(kysely, 'sqlite')) === 0) throw foreign(path);
    const chats = database
      .prepare('select count(*) as chats, max(updated_at) as newest from chat where trash_id is null')
      .get();
    const messages = database
      .prepare(
        `select count(*) as messages from message where trash_id is null
           and chat_id in (select id from chat where trash_id is null)`,
      )
      .get();
    const newestAt = chats?.newest === null ? null : Number(chats?.newest);
    return { chats: Number(chats?.chats), messages: Number(messages?.messages), newestAt };
  } finally {
    database.close();
  }
}

/** Whatever SQLite says of a file that was handed in is that file's fault, not the database's. */
async function ofFile<T>(path: string, use: () => T | Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const known = fromSqliteError(error);
    if (!faults.has(known.code)) throw known;
    throw damaged(path, known);
  }
}

const faults: ReadonlySet<ErrorCode> = new Set(['store-damaged', 'store-unsafe', 'internal']);

function damaged(path: string, cause?: AppError): AppError {
  return new AppError('file-invalid', `The backup ${path} is damaged.`, {
    hint: 'Try another one.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function foreign(path: string): AppError {
  return new AppError('file-invalid', `${path} is an SQLite file of another program.`, {
    hint: 'Name a file that `corral backup` wrote.',
  });
}

async function fillCopy(database: DatabaseSync, path: string): Promise<void> {
  const kysely = new Kysely<Schema>({ dialect: nodeSqliteDialect(database) });
  database.exec('BEGIN IMMEDIATE');
  await applyMigrations(kysely as unknown as Kysely<never>, 'sqlite');
  await importLines(kysely, sqliteSearch, readLines(path));
  database.exec('COMMIT');
}

async function checkCopy(database: DatabaseSync, path: string): Promise<void> {
  if (!isSound(database)) throw damaged(path);
  const kysely = new Kysely<never>({ dialect: nodeSqliteDialect(database) });
  if ((await readVersion(kysely, 'sqlite')) === 0) throw foreign(path);
  database.exec('BEGIN IMMEDIATE');
  await applyMigrations(kysely, 'sqlite');
  database.exec('COMMIT');
  const strange = await foreignObjects(database);
  if (strange.length > 0)
    throw new AppError(
      'file-invalid',
      `${path} holds what Corral never wrote: ${strange.slice(0, 5).join(', ')}.`,
      {
        hint: 'Name a file that `corral backup` wrote.',
      },
    );
}
