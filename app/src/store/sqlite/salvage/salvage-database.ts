import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { applyMigrations, migrations, readVersion } from '../../migrations/migrate.ts';
import { allTables } from '../../schema.ts';
import { isDamage, primaryResultCode, resultCodes } from '../sqlite-errors.ts';
import { nodeSqliteDialect } from '../node-sqlite-dialect.ts';
import { openDatabase } from '../open-database.ts';
import { readableRows, type RawRow } from './damaged-rows.ts';
import { joinLooseEnds } from './loose-ends.ts';

export interface Salvage {
  chats: number;
  messages: number;
  /** Places that could not be read, and rows that made no sense. 0: nothing is missing. */
  gaps: number;
}

/** Tables whose rows a backup may give back; what is waiting to be done or sent is not done twice. */
const fromBackup = new Set<string>([
  'chat',
  'chat_tag',
  'message',
  'trash',
  'run',
  'receipt',
  'preference',
  'model_setting',
  'preset',
]);

/**
 * Writes what can be read of a damaged database into a new one at `target`, and what cannot be from the newest backup
 * where there is one. The search index is made anew. Null: nothing could be read.
 */
export async function salvageDatabase(
  damaged: string,
  target: string,
  newestBackup: () => string | undefined,
): Promise<Salvage | null> {
  const source = openSource(damaged);
  if (!source) return null;
  const { database } = openDatabase({ path: target, readOnly: false });
  try {
    database.exec('BEGIN IMMEDIATE');
    await makeTables(source, database);
    const salvage = takeAll(source, database, newestBackup);
    joinLooseEnds(database, source);
    database.exec('COMMIT');
    return salvage;
  } finally {
    source.close();
    database.close();
  }
}

function takeAll(
  source: DatabaseSync,
  target: DatabaseSync,
  newestBackup: () => string | undefined,
): Salvage | null {
  const rescue = new Rescue(target);
  let backup: DatabaseSync | null | undefined;
  try {
    for (const table of allTables) {
      const before = rescue.gaps;
      rescue.takeTable(source, table);
      if (rescue.gaps === before || !fromBackup.has(table)) continue;
      backup ??= openBackup(newestBackup());
      if (backup) rescue.fillTable(backup, table);
    }
  } finally {
    backup?.close();
  }
  if (rescue.taken === 0) return null;
  return { chats: countOf(target, 'chat'), messages: countOf(target, 'message'), gaps: rescue.gaps };
}

function openBackup(path: string | undefined): DatabaseSync | null {
  return path === undefined ? null : openSource(path);
}

/** Null where not even the list of tables can be read. */
function openSource(path: string): DatabaseSync | null {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec('PRAGMA trusted_schema=0; PRAGMA mmap_size=0; PRAGMA cell_size_check=1');
    database.prepare('select count(*) from sqlite_master').get();
    return database;
  } catch (error) {
    database.close();
    if (isDamage(error)) return null;
    throw error;
  }
}

/** As old as the damaged one was, so that the ordinary way brings it up to date afterwards. */
async function makeTables(source: DatabaseSync, target: DatabaseSync): Promise<void> {
  const version = await versionOf(source);
  const list = migrations.filter((migration) => migration.version <= version);
  await applyMigrations(new Kysely<never>({ dialect: nodeSqliteDialect(target) }), 'sqlite', list);
}

async function versionOf(source: DatabaseSync): Promise<number> {
  try {
    const version = await readVersion(new Kysely<never>({ dialect: nodeSqliteDialect(source) }), 'sqlite');
    if (version > 0) return version;
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  return Number.POSITIVE_INFINITY;
}

function countOf(database: DatabaseSync, table: string): number {
  return Number(database.prepare(`select count(*) as count from ${table}`).get()?.count);
}

interface Column {
  name: string;
  type: string;
  notnull: number;
}

/** What a row by itself is refused for. Anything else, such as a full disk, is no gap: the whole must be tried again. */
const rowFaults: (number | undefined)[] = [resultCodes.constraint, resultCodes.mismatch];

/** Puts rows into a new database that makes sense of each of them. */
class Rescue {
  readonly #target: DatabaseSync;
  gaps = 0;
  taken = 0;

  constructor(target: DatabaseSync) {
    this.#target = target;
  }

  /** Messages of a chat that itself is lost get a chat to stand in. */
  takeTable(source: DatabaseSync, table: string): void {
    for (const row of this.#rows(source, table, () => (this.gaps += 1))) {
      if (table === 'message') this.#ensureChat(row);
      if (this.#insert(table, row)) this.taken += 1;
      else this.gaps += 1;
    }
  }

  /** Adds what is not there; what hangs on something that was deleted since stays out. */
  fillTable(source: DatabaseSync, table: string): void {
    for (const row of this.#rows(source, table, () => undefined)) this.#insert(table, row);
  }

  *#rows(source: DatabaseSync, table: string, onGap: () => void): Generator<RawRow> {
    const columns = this.#columnsOf(table);
    if (columns.size === 0 || !hasTable(source, table)) return;
    for (const row of readableRows(source, table, onGap)) {
      if (isPlausible(row, columns)) yield row;
      else onGap();
    }
  }

  #columnsOf(table: string): Map<string, Column> {
    const rows = this.#target.prepare('select name, type, "notnull" from pragma_table_info(?)').all(table);
    return new Map((rows as unknown as Column[]).map((column) => [column.name, column]));
  }

  /** False for a row that hangs on nothing. One that is there already counts as taken. */
  #insert(table: string, row: RawRow): boolean {
    const names = Object.keys(row);
    const places = names.map(() => '?').join(', ');
    try {
      this.#target
        .prepare(`insert into ${table} (${names.join(', ')}) values (${places}) on conflict do nothing`)
        .run(...Object.values(row));
      return true;
    } catch (error) {
      if (!rowFaults.includes(primaryResultCode(error))) throw error;
      return false;
    }
  }

  /** The chat itself may be among what is lost. */
  #ensureChat(message: RawRow): void {
    this.#target
      .prepare(
        `insert into chat (id, owner, title, title_source, folder, pinned, settings_json, version, created_at, updated_at)
         values (?, ?, '', 'none', null, 0, '{}', 1, ?, ?) on conflict do nothing`,
      )
      .run(message.chat_id ?? '', message.owner ?? '', message.created_at ?? 0, message.created_at ?? 0);
  }
}

function hasTable(source: DatabaseSync, table: string): boolean {
  return (
    source.prepare("select 1 from sqlite_master where type = 'table' and name = ?").get(table) !== undefined
  );
}

/** Damage may leave a row that can be read but is not what was written. */
function isPlausible(row: RawRow, columns: ReadonlyMap<string, Column>): boolean {
  return Object.entries(row).every(([name, value]) => {
    const column = columns.get(name);
    if (!column) return false;
    if (value === null) return column.notnull === 0;
    if (typeof value !== (column.type.toLowerCase() === 'text' ? 'string' : 'number')) return false;
    return !name.endsWith('_json') || isJson(String(value));
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
