import { sql } from 'kysely';
import { outsideTrash, type SearchDialect } from '../operations/session.ts';

/** FTS5 keeps itself up to date by triggers. */
export const sqliteSearch: SearchDialect = {
  async index() {},

  async match(database, query) {
    const index = sql.ref(`${query.table}_search`);
    const table = sql.ref(query.table);
    const words = query.words.map((word) => `"${word.replaceAll('"', '""')}"`);
    const rows = await sql<{ sequence: number }>`
      select ${index}.rowid as sequence from ${index}
      inner join ${table} on ${table}.sequence = ${index}.rowid
      where ${index} match ${`${words.join(' ')}*`} and ${table}.owner = ${query.owner}
        and ${outsideTrash(query.table)}
      order by ${index}.rowid desc limit ${query.limit}`.execute(database);
    return rows.rows.map((row) => row.sequence);
  },

  like: (column, pattern) => sql<boolean>`${column} like ${pattern} escape '\\'`,
};
