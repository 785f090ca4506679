import { type Kysely, sql } from 'kysely';
import { readLines, writeLines } from '../archive-file.ts';
import { exportLines, importLines } from '../archive.ts';
import { allTables, type Schema } from '../schema.ts';
import { untilOthersPassed } from './postgres-calls.ts';
import { fromPostgresError } from './postgres-errors.ts';
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

/** Others at work take tables in an order of their own, so it may have to give way to them and begin again. */
export function importPostgres(database: Kysely<Schema>, path: string): Promise<void> {
  return untilOthersPassed(() =>
    database.transaction().execute(async (transaction) => {
      // Nobody else writes meanwhile; reading goes on with what was there.
      for (const table of allTables)
        await sql`lock table ${sql.table(table)} in exclusive mode`.execute(transaction);
      await importLines(transaction, postgresSearch, readLines(path));
      for (const table of allTables) await continueSequence(transaction, table);
    }),
  );
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
