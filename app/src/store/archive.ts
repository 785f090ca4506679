import { type Kysely, sql, type TableMetadata } from 'kysely';
import type { BackupContents } from '../contracts/api/system.ts';
import { AppError } from '../contracts/app-error.ts';
import { schemaVersion } from './migrations/migrate.ts';
import type { Erased, SearchDialect } from './operations/session.ts';
import { allTables, type Schema } from './schema.ts';

/**
 * The whole store as lines of JSON, the same from both databases: a header, every row, and a count at the end by which
 * a file that was cut short is known. It is PostgreSQL's backup, and the way from one database to the other.
 */
export const archiveFormat = 'corral-archive';

type TableName = (typeof allTables)[number];
type Row = Record<string, unknown>;

interface ArchivedRow {
  table: TableName;
  row: Row;
}

const pageRows = 500;

/** Needs a transaction that sees one state throughout. `version` is that of a database that is still to be migrated. */
export async function* exportLines(
  database: Kysely<Schema>,
  now: number,
  version = schemaVersion,
): AsyncGenerator<string> {
  yield JSON.stringify({ format: archiveFormat, version: 1, schemaVersion: version, createdAt: now });
  const present = await readColumns(database);
  let count = 0;
  for (const table of allTables.filter((name) => present.has(name)))
    for await (const row of allRows(database, table)) {
      yield JSON.stringify({ table, row } satisfies ArchivedRow);
      count += 1;
    }
  yield JSON.stringify({ end: count });
}

/** What each table is read in the order of. */
const orders: Partial<Record<TableName, string[]>> = {
  chat_tag: ['chat_id', 'tag'],
  journal: ['run_id', 'start_offset'],
  idempotency: ['owner', 'key'],
  counter: ['owner', 'name'],
  preference: ['owner'],
  model_setting: ['owner', 'model'],
  preset: ['owner', 'name'],
  provider: ['owner', 'name'],
};

async function* allRows(database: Kysely<Schema>, table: TableName): AsyncGenerator<Row> {
  const order = sql.raw((orders[table] ?? ['sequence']).join(', '));
  for (let offset = 0; ; offset += pageRows) {
    const page = await sql<Row>`select * from ${sql.table(table)} order by ${order}
      limit ${sql.lit(pageRows)} offset ${sql.lit(offset)}`.execute(database);
    yield* page.rows;
    if (page.rows.length < pageRows) return;
  }
}

/** Puts what an archive holds in place of all rows. The caller's transaction makes it all or nothing. */
export async function importLines(
  database: Kysely<Schema>,
  dialect: SearchDialect,
  lines: AsyncIterable<string>,
): Promise<void> {
  for (const table of [...allTables].reverse()) await database.deleteFrom(table).execute();
  const columns = await readColumns(database);
  let count = 0;
  let ended = false;
  let started = false;
  for await (const line of lines) {
    const value = parseLine(line);
    if (!started) {
      checkHeader(value);
      started = true;
    } else if ('end' in value) {
      if (value.end !== count) throw damaged('rows are missing');
      ended = true;
    } else {
      await insertRow(database, dialect, checkRow(value, columns));
      count += 1;
    }
  }
  if (!ended) throw damaged('its end is missing');
}

/** Counts what an archive holds; one that is cut short is refused. */
export async function archiveContents(lines: AsyncIterable<string>): Promise<BackupContents> {
  const contents: BackupContents = { chats: 0, messages: 0, newestAt: null };
  const chatIds = new Set<unknown>();
  let rows = -1;
  let end: unknown;
  for await (const line of lines) {
    const value = parseLine(line);
    if (rows === -1) checkHeader(value);
    else if ('end' in value) end = value.end;
    else countRow(contents, chatIds, value);
    if (end === undefined) rows += 1;
  }
  if (end !== rows) throw damaged('its end is missing');
  return contents;
}

/** Chats come before their messages; those of a chat in the trash bear no mark of their own. */
function countRow(
  contents: BackupContents,
  chatIds: Set<unknown>,
  { table, row = {} }: Partial<ArchivedRow>,
): void {
  if (typeof row.trash_id === 'string') return;
  if (table === 'message' && chatIds.has(row.chat_id)) contents.messages += 1;
  if (table !== 'chat') return;
  chatIds.add(row.id);
  contents.chats += 1;
  contents.newestAt = Math.max(contents.newestAt ?? 0, Number(row.updated_at));
}

async function readColumns(database: Kysely<Schema>): Promise<Map<string, Set<string>>> {
  const tables = await ownTables(database);
  return new Map(tables.map((table) => [table.name, new Set(table.columns.map((column) => column.name))]));
}

/** Without those of other schemas of PostgreSQL, where other programs may have tables of the same names. */
async function ownTables(database: Kysely<Schema>): Promise<TableMetadata[]> {
  const tables = await database.introspection.getTables();
  if (tables.every(({ schema }) => schema === undefined)) return tables;
  const path = await sql<{ schemas: string[] }>`
    select to_json(current_schemas(false)) as schemas`.execute(database);
  // The first schema of the path that has a table is the one its name alone means.
  const schemas = path.rows[0]?.schemas.toReversed() ?? [];
  return schemas.flatMap((own) => tables.filter(({ schema }) => schema === own));
}

function parseLine(line: string): Row {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Row;
  } catch {
    // Said below, the same for what is JSON of another kind.
  }
  throw damaged('a line is no JSON object');
}

function checkHeader(header: Row): void {
  if (header.format !== archiveFormat || header.version !== 1)
    throw new AppError('file-invalid', 'This is no backup of Corral.', {
      hint: 'Name a file that `corral backup` wrote.',
    });
  if (header.schemaVersion === schemaVersion) return;
  if (Number(header.schemaVersion) > schemaVersion)
    throw new AppError('store-newer', 'This backup was made by a newer version of Corral.', {
      hint: 'Update Corral, then restore it.',
    });
}

function checkRow(value: Row, columns: Map<string, Set<string>>): ArchivedRow {
  const { table, row } = value as Partial<ArchivedRow>;
  if (table === undefined || !allTables.includes(table) || typeof row !== 'object' || row === null)
    throw damaged('a row names no table');
  const known = columns.get(table);
  const strange = Object.keys(row).find((column) => known?.has(column) !== true);
  if (strange !== undefined) throw damaged(`${table} has no column ${strange}`);
  return { table, row };
}

async function insertRow(
  database: Kysely<Schema>,
  dialect: SearchDialect,
  archived: ArchivedRow,
): Promise<void> {
  const { table, row } = archived;
  await database
    .insertInto(table)
    .values(row as never)
    .execute();
  if (table === 'message')
    await dialect.index(database, table, [{ id: String(row.id), text: String(row.content) }]);
  if (table === 'chat')
    await dialect.index(database, table, [{ id: String(row.id), text: String(row.title) }]);
}

function damaged(why: string): AppError {
  return new AppError('file-invalid', `This backup is damaged: ${why}.`, { hint: 'Try another one.' });
}

/** The lines without what was erased. */
export async function* withoutErased(lines: AsyncIterable<string>, erased: Erased): AsyncGenerator<string> {
  const gone = new Set<string>(erased.chatIds ?? []);
  let count = 0;
  for await (const line of lines) {
    const value = parseLine(line) as Partial<ArchivedRow> & { end?: number };
    if (value.end !== undefined) yield JSON.stringify({ end: count });
    else if (value.table === undefined) yield line;
    else if (!isErased(value as ArchivedRow, erased, gone)) {
      yield line;
      count += 1;
    }
  }
}

/** What names the chat of a row where that is not `chat_id`; the journal names the run. */
const chatColumns: Partial<Record<TableName, string>> = {
  chat: 'id',
  journal: 'run_id',
  outbox: 'conversation_id',
};

/** Other chats may name the chat in their texts. `gone` also gathers its runs, which come before their journal. */
function isErased({ table, row }: ArchivedRow, erased: Erased, gone: Set<string>): boolean {
  if (row.owner !== erased.owner) return false;
  if (erased.chatIds === null) return true;
  if (table === 'job') return isWorkOn(row, erased.chatIds);
  const isGone = gone.has(String(row[chatColumns[table] ?? 'chat_id']));
  if (isGone && table === 'run') gone.add(String(row.id));
  return isGone;
}

/** The same as where the rows are erased: what a job is about stands only inside its payload and its key. */
function isWorkOn(job: Row, chatIds: string[]): boolean {
  return chatIds.some((id) => [job.payload_json, job.key].some((text) => String(text).includes(id)));
}
