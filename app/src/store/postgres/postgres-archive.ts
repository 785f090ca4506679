import { type Kysely, sql } from 'kysely';
import { readLines, writeLines } from '../archive-file.ts';
import { exportLines, importLines } from '../archive.ts';
import { allTables, type Schema } from '../schema.ts';
import { untilOthersPassed } from './postgres-calls.ts';
import { fromPostgresError } from './postgres-errors.ts';
import type { PostgresRoom } from './postgres-room.ts';
import { postgresSearch } from './postgres-search.ts';

export async function exportPostgres(
  database: Kysely<Schema>,
  path: string,
  { now, version }: { now: number; version?: number },
): Promise<{ sizeBytes: number }> {
  try {
    return await database
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute((transaction) => writeLines(path, exportLines(transaction, now, version)));
  } catch (error) {
    throw fromPostgresError(error);
  }
}

export interface Replacement {
  /** The archive that comes in place of everything. */
  path: string;
  /** Where what was there is written to. */
  previous: string;
  now: number;
  room: PostgresRoom;
}

/** Others at work take tables in an order of their own, so it may have to give way to them and begin again. */
export function replacePostgres(
  database: Kysely<Schema>,
  { path, previous, now, room }: Replacement,
): Promise<void> {
  return untilOthersPassed(() =>
    database.transaction().execute(async (transaction) => {
      // Nobody else writes from here on, so nothing is lost between the two; reading goes on with what was there.
      for (const table of allTables)
        await sql`lock table ${sql.table(table)} in exclusive mode`.execute(transaction);
      await writeLines(previous, exportLines(transaction, now));
      // What was refused is undone as a whole, so any text that is taken afterwards proves that there is room again.
      await room.watch('restore', [], () => importArchive(transaction, path));
    }),
  );
}

async function importArchive(transaction: Kysely<Schema>, path: string): Promise<void> {
  try {
    await importLines(transaction, postgresSearch, readLines(path));
    for (const table of allTables) await continueSequence(transaction, table);
  } catch (error) {
    throw fromPostgresError(error);
  }
}

/** Rows that came with their numbers do not move the counter that gives new ones. */
async function continueSequence(database: Kysely<Schema>, table: string): Promise<void> {
  const columns = await sql<{ name: string | null }>`
    select pg_get_serial_sequence(${table}, column_name) as name from information_schema.columns
    where table_name = ${table} and column_name = 'sequence' and table_schema = any (current_schemas(false))`.execute(
    database,
  );
  const name = columns.rows[0]?.name;
  if (name)
    await sql`select setval(${name}, (select coalesce(max(sequence), 0) + 1 from ${sql.table(table)}), false)`.execute(
      database,
    );
}
