import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../contracts/app-error.ts';
import { networkFileSystemOf } from './network-file-systems.ts';
import { fromSqliteError } from './sqlite-errors.ts';

/** Older ones can corrupt a WAL that two connections reset at once. */
const minimumSqliteVersion = [3, 51, 3] as const;
export const busyTimeoutMs = 5000;
const maxWalBytes = 64 * 1024 * 1024;

export interface OpenedDatabase {
  database: DatabaseSync;
  journalMode: 'wal' | 'delete';
  /** Set where the file system cannot carry WAL: slower, one process at a time, and not to be trusted with locks. */
  warning?: string;
}

export interface OpenOptions {
  path: string;
  readOnly: boolean;
  /** Name of the network file system below the file; found out where absent. */
  networkFileSystem?: string | undefined;
}

/** Opens the database with every setting that durability and erasure rest on, and reads each of them back. */
export function openDatabase(options: OpenOptions): OpenedDatabase {
  let database: DatabaseSync | undefined;
  try {
    if (!options.readOnly) requireWritable(options.path);
    database = new DatabaseSync(options.path, {
      readOnly: options.readOnly,
      enableForeignKeyConstraints: true,
      allowExtension: false,
      timeout: busyTimeoutMs,
    });
    requireVersion(database);
    return configure(database, options);
  } catch (error) {
    database?.close();
    throw fromSqliteError(error);
  }
}

/**
 * SQLite itself would open for reading what cannot be written. A file that exists is only asked about: closing any
 * descriptor of it takes away every lock that this process has on it (POSIX), those of SQLite's other connections too,
 * and who looks in from outside would then delete the log below them.
 */
function requireWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // The log and the shared memory beside it take its mode.
    closeSync(openSync(path, 'a', 0o600));
  }
}

function configure(database: DatabaseSync, options: OpenOptions): OpenedDatabase {
  const network =
    'networkFileSystem' in options ? options.networkFileSystem : networkFileSystemOf(dirname(options.path));
  const wanted = network === undefined ? 'wal' : 'delete';
  const journalMode = options.readOnly
    ? String(pragma(database, 'journal_mode'))
    : String(pragma(database, `journal_mode=${wanted}`));
  for (const [name, value] of Object.entries(settings)) database.exec(`PRAGMA ${name}=${value}`);
  for (const [name, value] of Object.entries(settings)) {
    const actual = Number(pragma(database, name));
    if (actual !== value) throw unsafe(`its setting ${name} stays ${actual} instead of ${value}`);
  }
  if (journalMode === 'wal') return { database, journalMode };
  if (journalMode !== 'delete') throw unsafe(`its journal mode is ${journalMode}`);
  return { database, journalMode, ...(options.readOnly ? {} : { warning: withoutWal(network) }) };
}

/** Name and the number that SQLite gives back. `temp_store` 2: sorting spills no text into files outside the home. */
const settings: Record<string, number> = {
  synchronous: 2,
  foreign_keys: 1,
  secure_delete: 1,
  trusted_schema: 0,
  mmap_size: 0,
  temp_store: 2,
  busy_timeout: busyTimeoutMs,
  journal_size_limit: maxWalBytes,
};

function pragma(database: DatabaseSync, text: string): unknown {
  const row = database.prepare(`PRAGMA ${text}`).get();
  // `mmap_size` gives no row where the build has it off.
  return row === undefined ? 0 : Object.values(row)[0];
}

function requireVersion(database: DatabaseSync): void {
  const row = database.prepare('SELECT sqlite_version() AS version').get() as { version: string };
  if (!isSafeVersion(row.version))
    throw unsafe(`SQLite ${row.version} is older than ${minimumSqliteVersion.join('.')}`);
}

export function isSafeVersion(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, least] of minimumSqliteVersion.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

function unsafe(why: string): AppError {
  return new AppError('store-unsafe', `The database cannot be used safely: ${why}.`, {
    hint: 'Start through bin/corral.mjs, which brings the right Node, and keep CORRAL_HOME on a local disk.',
  });
}

function withoutWal(network: string | undefined): string {
  const where =
    network === undefined ? 'a file system without shared memory' : `a network file system (${network})`;
  return `The database lies on ${where}: it runs without a write-ahead log, more slowly, and locks may fail there. Move CORRAL_HOME to a local disk.`;
}
