import { sql } from 'kysely';
import { outsideTrash, type SearchDialect } from '../operations/session.ts';
import type { QueryWord } from '../search-words.ts';

/**
 * FTS5 cuts and folds what it is asked for as it did with the texts, so it gets words as they are written, with letters
 * and their marks together and apart: it takes no marks off a й or an ή, and cuts a word at marks it does not know.
 */
function wanted({ written, folded }: QueryWord, mayBeBeginning: boolean): string {
  const forms = [...new Set([written, written.normalize('NFD'), folded].map((form) => form.toLowerCase()))];
  return `(${forms.map((form) => `"${form}"${mayBeBeginning ? '*' : ''}`).join(' OR ')})`;
}

/** FTS5 keeps itself up to date by triggers. */
export const sqliteSearch: SearchDialect = {
  async index() {},

  async match(database, query) {
    const index = sql.ref(`${query.table}_search`);
    const table = sql.ref(query.table);
    const words = query.words.map((word, at) => wanted(word, at === query.words.length - 1));
    const rows = await sql<{ sequence: number }>`
      select ${index}.rowid as sequence from ${index}
      inner join ${table} on ${table}.sequence = ${index}.rowid
      where ${index} match ${words.join(' AND ')} and ${table}.owner = ${query.owner}
        and ${outsideTrash(query.table)}
      order by ${index}.rowid desc limit ${query.limit}`.execute(database);
    return rows.rows.map((row) => row.sequence);
  },

  like: (column, pattern) => sql<boolean>`${column} like ${pattern} escape '\\'`,
};
