import { Kysely, sql } from 'kysely';
import type { Pool } from 'pg';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { applyMigrations, readVersion, refuseNewer, schemaVersion } from '../migrations/migrate.ts';
import { callNames } from '../operations/operations.ts';
import type { StoreCall } from '../operations/session.ts';
import { createRunNotices, toNotice } from '../run-notices.ts';
import { personalTables, type Schema } from '../schema.ts';
import type { Store } from '../store.ts';
import { listenForNotices, type NoticeListener } from './notice-listener.ts';
import { callPostgres } from './postgres-calls.ts';
import { fromPostgresError } from './postgres-errors.ts';
import { createPool, postgresDialect } from './postgres-pool.ts';
import { requireSafeServer } from './postgres-safety.ts';

export interface PostgresStoreOptions {
  /** DATABASE_URL. */
  url: string;
  /** CORRAL_HOME: automatic backups go there. */
  home: string;
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
    await migrate(database);
    const listener = await listenForNotices({
      url: options.url,
      log: options.log,
      onNotice: runNotices.publish,
      onGap: runNotices.recheck,
    });
    return assemble({ pool, database, runNotices, listener });
  } catch (error) {
    await database.destroy();
    throw fromPostgresError(error);
  }
}

/** Anything will do that no other program on this database uses. */
const migrationLock = 'corral migration';

async function migrate(database: Kysely<Schema>): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${migrationLock}, 0))`.execute(transaction);
    const untyped = transaction as unknown as Kysely<never>;
    const version = await readVersion(untyped, 'postgres');
    refuseNewer(version);
    if (version < schemaVersion) await applyMigrations(untyped, 'postgres');
  });
}

interface Parts {
  pool: Pool;
  database: Kysely<Schema>;
  runNotices: ReturnType<typeof createRunNotices>;
  listener: NoticeListener;
}

function assemble({ database, runNotices, listener }: Parts): Store {
  const call = async (name: StoreCall, parameters: unknown[]): Promise<unknown> => {
    const { value, session } = await callPostgres(database, name, parameters);
    if (session.truncateLog) await removeDeadRows(database);
    return value;
  };
  const calls = Object.fromEntries(
    callNames.map((name) => [name, (...parameters: unknown[]) => call(name, parameters)]),
  ) as unknown as Pick<Store, StoreCall>;

  return {
    ...calls,
    watchRun: (owner, runId, signal) =>
      runNotices.watch(runId, async () => toNotice(await calls.getRun(owner, runId)), signal),
    async health() {
      const size = await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(
        database,
      );
      return {
        kind: 'postgres',
        writable: true,
        sizeBytes: size.rows[0]?.bytes ?? 0,
        schemaVersion,
        notices: [],
      };
    },
    backup: () => Promise.reject(new Error('replaced below')),
    async close() {
      await listener.close();
      await database.destroy();
    },
  };
}

/** PostgreSQL keeps deleted rows in its files until they are vacuumed. Its own log and backups are the operator's. */
async function removeDeadRows(database: Kysely<Schema>): Promise<void> {
  for (const table of personalTables) await sql`vacuum ${sql.ref(table)}`.execute(database);
}
