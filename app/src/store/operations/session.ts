import { type Kysely, type RawBuilder, sql } from 'kysely';
import { AppError } from '../../contracts/app-error.ts';
import type { RunNotice } from '../run-store.ts';
import type { Schema } from '../schema.ts';
import type { QueryWord } from '../search-words.ts';
import type { Store } from '../store.ts';

/** What one call works in: an open transaction, which the adapter commits or rolls back. */
export interface Session {
  database: Kysely<Schema>;
  dialect: SearchDialect;
  /** Given to watchers once the transaction is on disk. */
  notices: RunNotice[];
  /** Set by calls that erase: what the files still hold of it must go before the call returns. */
  erased: Erased | null;
  /** Set where deleted text must not linger in the write-ahead log. */
  truncateLog: boolean;
}

export interface Erased {
  owner: string;
  /** Null: everything of the owner. */
  chatIds: string[] | null;
}

export type SearchTable = 'message' | 'chat';

/** What the two databases do in their own way. */
export interface SearchDialect {
  /** Called after rows were written, where the index does not follow by itself. */
  index(database: Kysely<Schema>, table: SearchTable, rows: { id: string; text: string }[]): Promise<void>;
  /** Sequences of rows of the owner outside the trash with all words (the last one may be a beginning), newest first. */
  match(database: Kysely<Schema>, query: MatchQuery): Promise<number[]>;
  /** Whether a text is like a pattern, in which a backslash escapes; of letters only the case of A to Z is the same. */
  like(column: RawBuilder<unknown>, pattern: string): RawBuilder<boolean>;
}

export interface MatchQuery {
  table: SearchTable;
  owner: string;
  words: QueryWord[];
  limit: number;
}

/** Calls that are one transaction each; the adapters add the others. */
export type StoreCall = Exclude<
  keyof Store,
  'health' | 'backup' | 'restoreBackup' | 'readBackup' | 'close' | 'watchRun'
>;

export type Operation<Name extends StoreCall> = (
  session: Session,
  ...parameters: Parameters<Store[Name]>
) => ReturnType<Store[Name]>;

export type Operations<Name extends StoreCall> = { [Key in Name]: Operation<Key> };

export function notFound(what: string): AppError {
  return new AppError('not-found', `There is no such ${what}.`);
}

export function staleVersion(what: string, version: number): AppError {
  return new AppError('conflict', `This ${what} was changed meanwhile, so nothing was overwritten.`, {
    hint: 'Look at the present state and try again.',
    details: { version },
  });
}

export function requireVersion(what: string, given: number, row: { version: number }): void {
  if (given < row.version) throw staleVersion(what, row.version);
}

/** A row that is not in the trash, neither by itself nor with its chat: what the trash holds crowds nothing out. */
export function outsideTrash(table: SearchTable): RawBuilder<boolean> {
  if (table === 'chat') return sql<boolean>`chat.trash_id is null`;
  return sql<boolean>`message.trash_id is null
    and exists (select 1 from chat where chat.id = message.chat_id and chat.trash_id is null)`;
}

/** `count(*)` as a number in both databases. */
export const countAll = sql<number>`cast(count(*) as bigint)`;

/** At most so many values in one `in (…)` list or rows in one insert; both databases limit parameters. */
const maxListed = 500;

export function inPieces<Item>(items: readonly Item[]): Item[][] {
  const pieces: Item[][] = [];
  for (let at = 0; at < items.length; at += maxListed) pieces.push(items.slice(at, at + maxListed));
  return pieces;
}
