import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { applyMigrations } from '../migrations/migrate.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';

/**
 * Names of tables, indices, views and triggers that no migration of ours made, or not so. A view or a trigger in a file
 * from elsewhere would run with every write; the database must be migrated.
 */
export async function foreignObjects(database: DatabaseSync): Promise<string[]> {
  const own = new DatabaseSync(':memory:');
  try {
    await applyMigrations(new Kysely<never>({ dialect: nodeSqliteDialect(own) }), 'sqlite');
    const known = new Set(objectsOf(own).map(({ sql }) => sql));
    return objectsOf(database).flatMap(({ name, sql }) => (known.has(sql) ? [] : [name]));
  } finally {
    own.close();
  }
}

interface SchemaObject {
  name: string;
  sql: string;
}

/** What SQLite makes by itself has no words of its own. */
function objectsOf(database: DatabaseSync): SchemaObject[] {
  const rows = database
    .prepare(
      `select name, sql from sqlite_schema where sql is not null and name not like 'sqlite\\_%' escape '\\'`,
    )
    .all();
  return rows.map(({ name, sql }) => ({ name: String(name), sql: String(sql) }));
}
