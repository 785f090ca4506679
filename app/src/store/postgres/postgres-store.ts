import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { AppError } from '../../contracts/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { archiveContents } from '../archive.ts';
import { backupKind, readLines } from '../archive-file.ts';
import { backupName } from '../backup-names.ts';
import { createFileTurns } from '../file-turns.ts';
import { applyMigrations, readVersion, refuseNewer, schemaVersion } from '../migrations/migrate.ts';
import { callNames, isRead } from '../operations/operations.ts';
import type { Erased, StoreCall } from '../operations/session.ts';
import { createRunNotices, toNotice } from '../run-notices.ts';
import { personalTables, type Schema } from '../schema.ts';
import { scrubBackupFiles } from '../scrub-backup-files.ts';
import type { Store, StoreHealth } from '../store.ts';
import { listenForNotices, type NoticeListener } from './notice-listener.ts';
import { callPostgres } from './postgres-calls.ts';
import { fromPostgresError } from './postgres-errors.ts';
import { createPool, postgresDialect } from './postgres-pool.ts';
import { exportPostgres, replacePostgres } from './postgres-archive.ts';
import { PostgresRoom } from './postgres-room.ts';
import { requireSafeServer } from './postgres-safety.ts';

export interface PostgresStoreOptions {
  /** DATABASE_URL. */
  url: string;
  /** CORRAL_HOME: automatic backups go there. */
  home: string;
  /** Erases from files in `home` what was erased here; absent: from the archives among its backups. */
  scrubFiles?: (erased: Erased) => Promise<void>;
  clock: Clock;
  log: Log;
}

/** The store on a PostgreSQL server, which several servers may share. */
export async function createPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const pool = createPool(options.url);
  // A lost idle connection is replaced at the next call.
  pool.on('error', (error) =>
    options.log.warn({ part: 'store', error: error.message }, 'a connection was lost'),
  );
  const database = new Kysely<Schema>({ dialect: postgresDialect(pool) });
  const runNotices = createRunNotices();
  try {
    await requireSafeServer(database as unknown as Kysely<never>);
    await migrate(database, options);
    const listener = await listenForNotices({
      url: options.url,
      log: options.log,
      onNotice: runNotices.publish,
      onGap: runNotices.recheck,
    });
    // Over the same pool, which the other one closes.
    const patient = new Kysely<Schema>({ dialect: postgresDialect(pool, { patient: true }) });
    return assemble({ options, database, patient, runNotices, listener });
  } catch (error) {
    await database.destroy();
    throw fromPostgresError(error);
  }
}

/** Anything will do that no other program on this database uses. */
const migrationLock = 'corral migration';

/** What was there is written to an archive first; a database that cannot be saved is not migrated. */
async function migrate(database: Kysely<Schema>, { home, clock }: PostgresStoreOptions): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${migrationLock}, 0))`.execute(transaction);
    const untyped = transaction as unknown as Kysely<never>;
    const version = await readVersion(untyped, 'postgres');
    refuseNewer(version);
    if (version === schemaVersion) return;
    if (version > 0) {
      const now = clock.now();
      const name = backupName(now, `before-v${schemaVersion}`, '.corral.gz');
      await exportPostgres(database, join(home, 'backups', name), { now, version });
    }
    await applyMigrations(untyped, 'postgres');
  });
}

interface Parts {
  options: PostgresStoreOptions;
  database: Kysely<Schema>;
  /** For what may take longer than any other call. */
  patient: Kysely<Schema>;
  runNotices: ReturnType<typeof createRunNotices>;
  listener: NoticeListener;
}

function assemble({ options, database, patient, runNotices, listener }: Parts): Store {
  const takeTurn = createFileTurns();
  const room = new PostgresRoom(options.clock);
  const call = async (name: StoreCall, parameters: unknown[]): Promise<unknown> => {
    const once = () => callPostgres(database, name, parameters);
    const { value, session } = await (isRead(name) ? once() : room.watch(name, parameters, once));
    if (session.truncateLog) await takeTurn(() => clearFiles(options, patient, session.erased));
    return value;
  };
  const calls = Object.fromEntries(
    callNames.map((name) => [name, (...parameters: unknown[]) => call(name, parameters)]),
  ) as unknown as Pick<Store, StoreCall>;

  return {
    ...calls,
    watchRun: (owner, runId, signal) =>
      runNotices.watch(runId, async () => toNotice(await calls.getRun(owner, runId)), signal),
    health: () => readHealth(database, room),
    backup: (path) => takeTurn(() => exportPostgres(database, path, { now: options.clock.now() })),
    async restoreBackup(path) {
      const previous = await takeTurn(() => restore(options, { database, room }, path));
      runNotices.recheck();
      return { previous };
    },
    async readBackup(path) {
      requireArchive(path);
      return archiveContents(readLines(path));
    },
    async close() {
      await listener.close();
      await database.destroy();
    },
  };
}

async function readHealth(database: Kysely<Schema>, room: PostgresRoom): Promise<StoreHealth> {
  const state = await sql<{ bytes: number; read_only: boolean }>`
    select pg_database_size(current_database()) as bytes,
      pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only`.execute(database);
  const [row] = state.rows;
  return {
    kind: 'postgres',
    writable: row?.read_only === false && !room.isFull(),
    sizeBytes: row?.bytes ?? 0,
    schemaVersion,
    notices: [],
  };
}

/** Gives the path of a backup of what was there. */
async function restore(
  { home, clock }: PostgresStoreOptions,
  { database, room }: { database: Kysely<Schema>; room: PostgresRoom },
  path: string,
): Promise<string> {
  requireArchive(path);
  const now = clock.now();
  const previous = join(home, 'backups', backupName(now, 'before-restore', '.corral.gz'));
  await replacePostgres(database, { path, previous, now, room });
  return previous;
}

function requireArchive(path: string): void {
  if (backupKind(path) === 'sqlite')
    throw new AppError('file-invalid', 'PostgreSQL cannot restore an SQLite file.', {
      hint: 'Write an archive from the SQLite database: `corral backup NAME.corral.gz`.',
    });
}

/** The rows are gone, so nobody can ask again: where one part fails, the other is done all the same. */
async function clearFiles(
  { home, scrubFiles }: PostgresStoreOptions,
  database: Kysely<Schema>,
  erased: Erased | null,
): Promise<void> {
  try {
    if (erased) await (scrubFiles?.(erased) ?? scrubBackupFiles(join(home, 'backups'), erased));
  } finally {
    await removeDeadRows(database);
  }
}

/** PostgreSQL keeps deleted rows in its files until they are vacuumed. Its own log and backups are the operator's. */
async function removeDeadRows(database: Kysely<Schema>): Promise<void> {
  try {
    await database.connection().execute(vacuum);
  } catch (error) {
    throw new AppError(
      'store-unavailable',
      'It is deleted, but its text is still in the files of PostgreSQL.',
      { hint: 'They are cleared in time; `vacuum` in this database does it at once.', cause: error },
    );
  }
}

/** They hold the words of messages and titles, and belong to no schema that both stores have. */
const searchTables = ['message_search', 'chat_search'];

/**
 * Of a large table it takes longer than any call of ours may. Waiting for somebody else's lock may not: backups wait
 * for this.
 */
async function vacuum(connection: Kysely<Schema>): Promise<void> {
  await sql`select set_config('lock_timeout', current_setting('statement_timeout'), false)`.execute(
    connection,
  );
  await sql`set statement_timeout = 0`.execute(connection);
  try {
    for (const table of [...personalTables, ...searchTables])
      await sql`vacuum ${sql.ref(table)}`.execute(connection);
  } finally {
    await sql`reset statement_timeout`.execute(connection);
    await sql`reset lock_timeout`.execute(connection);
  }
}
