import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { expect, test } from 'vitest';
import { applyMigrations } from '../migrations/migrate.ts';
import { foreignObjects } from './foreign-objects.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';

/** What is foreign in a database of ours after somebody ran these statements in it. */
async function foreignAfter(...statements: string[]): Promise<string[]> {
  const database = new DatabaseSync(':memory:', { defensive: false });
  try {
    await applyMigrations(new Kysely<never>({ dialect: nodeSqliteDialect(database) }), 'sqlite');
    for (const statement of statements) database.exec(statement);
    return await foreignObjects(database);
  } finally {
    database.close();
  }
}

const rewrite = (statement: string): string => `PRAGMA writable_schema=ON; ${statement}`;
const spy = 'create trigger spy after insert on message begin delete from chat; end';

test('what a database of ours holds, with an autoincrement or statistics, is not foreign', async () => {
  expect(await foreignAfter()).toEqual([]);
  expect(await foreignAfter('analyze')).toEqual([]);
});

test.each(['sqlite_evil', 'sqlite_sequence', 'sqlite_stat1'])(
  'a trigger is foreign also under the name %s',
  async (name) => {
    const rename = rewrite(`update sqlite_schema set name = '${name}' where name = 'spy'`);
    expect(await foreignAfter(spy, rename)).toEqual([name]);
  },
);

test('an object of ours under another name, or of another table, is foreign', async () => {
  const other = rewrite("update sqlite_schema set name = 'other' where name = 'chat_list'");
  expect(await foreignAfter(other)).toEqual(['other']);
  const moved = rewrite("update sqlite_schema set tbl_name = 'job' where name = 'chat_list'");
  expect(await foreignAfter(moved)).toEqual(['chat_list']);
});

test('a table of statistics with other words than those of SQLite is foreign', async () => {
  const forged = 'CREATE TABLE sqlite_stat1(tbl,idx,stat,more as (abs(-9223372036854775808)))';
  const change = rewrite(`update sqlite_schema set sql = '${forged}' where name = 'sqlite_stat1'`);
  expect(await foreignAfter('analyze', change)).toEqual(['sqlite_stat1']);
});
