import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { type Dialect, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import { decodeRow, encodeText } from '../text-codec.ts';

/** Statements kept compiled; queries with lists of ids make many variants, so the cache is emptied when it is full. */
const maxCachedStatements = 500;

function toInput(value: unknown): SQLInputValue {
  if (typeof value === 'string') return encodeText(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value as SQLInputValue;
}

function toStatement(compiled: StatementSync): SqliteStatement {
  return {
    reader: compiled.columns().length > 0,
    all: (parameters) =>
      compiled.all(...parameters.map(toInput)).map((row) => decodeRow(row as Record<string, unknown>)),
    run: (parameters) => compiled.run(...parameters.map(toInput)),
    iterate: (parameters) => compiled.iterate(...parameters.map(toInput)) as IterableIterator<unknown>,
  };
}

/** Kysely over Node's own SQLite. Synchronous underneath: for worker threads only. */
export function nodeSqliteDialect(database: DatabaseSync): Dialect {
  const statements = new Map<string, SqliteStatement>();
  const adapter: SqliteDatabase = {
    prepare(sql) {
      const known = statements.get(sql);
      if (known) return known;
      if (statements.size >= maxCachedStatements) statements.clear();
      const statement = toStatement(database.prepare(sql));
      statements.set(sql, statement);
      return statement;
    },
    close: () => database.close(),
  };
  return new SqliteDialect({ database: adapter });
}
