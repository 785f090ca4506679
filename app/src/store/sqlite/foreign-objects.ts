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
    const known = new Set([...objectsOf(own).map(({ whole }) => whole), ...statistics]);
    return objectsOf(database).flatMap(({ name, whole }) => (known.has(whole) ? [] : [name]));
  } finally {
    own.close();
  }
}

interface SchemaObject {
  name: string;
  /** Type, name, table and words: the words alone would not tell of another name. */
  whole: string;
}

/** What an `analyze` left, in SQLite's own words. A name alone, also with `sqlite_`, can be anybody's. */
const statistics = [
  ['sqlite_stat1', 'tbl,idx,stat'],
  ['sqlite_stat4', 'tbl,idx,neq,nlt,ndlt,sample'],
].map(([name, columns]) => JSON.stringify(['table', name, name, `CREATE TABLE ${name}(${columns})`]));

/** The indices that SQLite makes by itself have no words. */
function objectsOf(database: DatabaseSync): SchemaObject[] {
  const rows = database
    .prepare('select type, name, tbl_name, sql from sqlite_schema where sql is not null')
    .all();
  return rows.map(({ type, name, tbl_name, sql }) => ({
    name: String(name),
    whole: JSON.stringify([type, name, tbl_name, sql]),
  }));
}
