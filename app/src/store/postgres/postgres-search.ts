import { type Kysely, sql } from 'kysely';
import {
  type MatchQuery,
  outsideTrash,
  type SearchDialect,
  type SearchTable,
} from '../operations/session.ts';
import type { Schema } from '../schema.ts';
import { indexWords } from '../search-words.ts';

/**
 * Words are cut and folded by us, not by PostgreSQL's parser, so that both databases find the same. The vector has no
 * positions: where the words stand is looked up in the text itself.
 */
export const postgresSearch: SearchDialect = {
  async index(database, table, rows) {
    for (const row of rows) await indexRow(database, table, row);
  },

  async match(database, query: MatchQuery) {
    const index = sql.ref(`${query.table}_search`);
    const table = sql.ref(query.table);
    const last = query.words.length - 1;
    const words = query.words.map(
      ({ folded }, at) => `'${folded.replaceAll("'", "''")}'${at === last ? ':*' : ''}`,
    );
    const rows = await sql<{ sequence: number }>`
      select ${index}.sequence as sequence from ${index}
      inner join ${table} on ${table}.sequence = ${index}.sequence
      where ${index}.words @@ ${words.join(' & ')}::tsquery and ${index}.owner = ${query.owner}
        and ${outsideTrash(query.table)}
      order by ${index}.sequence desc limit ${query.limit}`.execute(database);
    return rows.rows.map((row) => row.sequence);
  },

  // In "C", whatever the database's own locale takes for the same letter: SQLite knows the case of A to Z only.
  like: (column, pattern) => sql<boolean>`${column} collate "C" ilike ${pattern} escape '\\'`,
};

async function indexRow(
  database: Kysely<Schema>,
  table: SearchTable,
  row: { id: string; text: string },
): Promise<void> {
  const words = indexWords(row.text);
  if (words.length === 0 && table === 'message') return;
  await sql`
    insert into ${sql.ref(`${table}_search`)} (sequence, owner, words)
    select sequence, owner, array_to_tsvector(${words}::text[]) from ${sql.ref(table)} where id = ${row.id}
    on conflict (sequence) do update set words = excluded.words`.execute(database);
}
