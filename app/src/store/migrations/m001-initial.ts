import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { DialectKind, Migration } from './migration.ts';

type Table = CreateTableBuilder<string, string>;
type Build = (table: Table) => Table;

export const initialMigration: Migration = {
  version: 1,
  name: 'initial',
  async up(database, dialect) {
    const make = (name: string, build: Build): Promise<void> =>
      build(database.schema.createTable(name)).execute();
    await makeChatTables(make, dialect);
    await makeRunTables(make, dialect);
    await makeServerTables(make, dialect);
    await makeSettingTables(make);
    for (const statement of indexes) await sql.raw(statement).execute(database);
    await (dialect === 'sqlite' ? makeSqliteSearch(database) : makePostgresSearch(database));
  },
};

type Make = (name: string, build: Build) => Promise<void>;

/** A rising number; in SQLite it is the row id, never used again after a delete. */
function withSequence(dialect: DialectKind): Build {
  return (table) =>
    dialect === 'sqlite'
      ? table.addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
      : table.addColumn('sequence', 'bigserial', (column) => column.primaryKey());
}

const owned: Build = (table) =>
  table
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('owner', 'text', (column) => column.notNull());

const ofChat: Build = (table) =>
  table.addColumn('chat_id', 'text', (column) => column.notNull().references('chat.id').onDelete('cascade'));

async function makeChatTables(make: Make, dialect: DialectKind): Promise<void> {
  const sequence = withSequence(dialect);
  await make('chat', (table) =>
    owned(sequence(table))
      .addColumn('title', 'text', (column) => column.notNull())
      .addColumn('title_source', 'text', (column) => column.notNull())
      .addColumn('folder', 'text')
      .addColumn('pinned', 'integer', (column) => column.notNull())
      .addColumn('settings_json', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('active_leaf_id', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addColumn('trash_id', 'text')
      .addColumn('import_key', 'text'),
  );
  await make('message', (table) =>
    ofChat(owned(sequence(table)))
      .addColumn('parent_id', 'text')
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('content', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('run_id', 'text')
      .addColumn('model', 'text')
      .addColumn('pinned', 'integer', (column) => column.notNull())
      .addColumn('feedback_json', 'text')
      .addColumn('outcome_json', 'text')
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('trash_id', 'text'),
  );
  await make('trash', (table) =>
    ofChat(owned(sequence(table)))
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('title', 'text', (column) => column.notNull())
      .addColumn('message_count', 'integer', (column) => column.notNull())
      .addColumn('previous_leaf_id', 'text')
      .addColumn('trashed_at', 'bigint', (column) => column.notNull())
      .addColumn('purge_at', 'bigint', (column) => column.notNull()),
  );
}

async function makeRunTables(make: Make, dialect: DialectKind): Promise<void> {
  const sequence = withSequence(dialect);
  await make('run', (table) =>
    ofChat(owned(sequence(table)))
      .addColumn('message_id', 'text', (column) => column.notNull())
      .addColumn('phase', 'text', (column) => column.notNull())
      .addColumn('epoch', 'integer', (column) => column.notNull())
      .addColumn('start_offset', 'integer', (column) => column.notNull())
      .addColumn('durable_offset', 'integer', (column) => column.notNull())
      .addColumn('settings_json', 'text', (column) => column.notNull())
      .addColumn('state_json', 'text', (column) => column.notNull())
      .addColumn('engine_crashes', 'integer', (column) => column.notNull())
      .addColumn('resumed_at_json', 'text', (column) => column.notNull())
      .addColumn('end_reason', 'text')
      .addColumn('error_json', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('ended_at', 'bigint'),
  );
  await make('journal', (table) =>
    table
      .addColumn('run_id', 'text', (column) => column.notNull().references('run.id').onDelete('cascade'))
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('start_offset', 'integer', (column) => column.notNull())
      .addColumn('end_offset', 'integer', (column) => column.notNull())
      .addColumn('text', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('journal_key', ['run_id', 'start_offset']),
  );
  await make('receipt', (table) =>
    ofChat(sequence(table))
      .addColumn('run_id', 'text', (column) =>
        column.notNull().unique().references('run.id').onDelete('cascade'),
      )
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('message_id', 'text', (column) => column.notNull())
      .addColumn('body_json', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull()),
  );
  await make('idempotency', (table) =>
    ofChat(table)
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('request_hash', 'text', (column) => column.notNull())
      .addColumn('accepted_json', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('idempotency_key', ['owner', 'key']),
  );
}

async function makeServerTables(make: Make, dialect: DialectKind): Promise<void> {
  const sequence = withSequence(dialect);
  await make('outbox', (table) =>
    owned(sequence(table))
      .addColumn('conversation_id', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('size_bytes', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('next_attempt_at', 'bigint', (column) => column.notNull())
      .addColumn('last_error', 'text')
      .addColumn('state', 'text', (column) => column.notNull()),
  );
  await make('job', (table) =>
    owned(sequence(table))
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('payload_json', 'text', (column) => column.notNull())
      .addColumn('key', 'text')
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('progress_json', 'text')
      .addColumn('error_json', 'text')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('run_at', 'bigint', (column) => column.notNull())
      .addColumn('leased_by', 'text')
      .addColumn('leased_until', 'bigint')
      .addColumn('finished_at', 'bigint'),
  );
  await make('counter', (table) =>
    table
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('value_json', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('counter_key', ['owner', 'name']),
  );
}

async function makeSettingTables(make: Make): Promise<void> {
  await make('preference', (table) =>
    table
      .addColumn('owner', 'text', (column) => column.primaryKey())
      .addColumn('settings_json', 'text', (column) => column.notNull())
      .addColumn('page_json', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull()),
  );
  for (const [name, key] of [
    ['model_setting', 'model'],
    ['preset', 'name'],
  ] as const)
    await make(name, (table) =>
      table
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn(key, 'text', (column) => column.notNull())
        .addColumn('settings_json', 'text', (column) => column.notNull())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint(`${name}_key`, ['owner', key]),
    );
}

const indexes = [
  'create index chat_list on chat (owner, pinned desc, updated_at desc, id) where trash_id is null',
  'create unique index chat_import on chat (owner, import_key) where import_key is not null',
  'create index message_chat on message (chat_id, sequence)',
  'create index message_trash on message (trash_id) where trash_id is not null',
  "create index message_running on message (state) where state = 'running'",
  'create index trash_owner on trash (owner, sequence)',
  'create index trash_chat on trash (chat_id)',
  'create index trash_due on trash (purge_at)',
  "create index run_active on run (sequence) where phase <> 'ended'",
  'create index run_chat on run (chat_id, sequence)',
  'create index run_message on run (message_id)',
  'create index receipt_message on receipt (message_id, sequence)',
  'create index receipt_chat on receipt (chat_id)',
  'create index idempotency_chat on idempotency (chat_id)',
  'create index idempotency_age on idempotency (created_at)',
  'create index outbox_conversation on outbox (conversation_id, sequence)',
  'create index outbox_state on outbox (state, sequence)',
  "create index job_due on job (state, run_at) where state in ('waiting', 'working')",
  "create unique index job_key on job (owner, key) where key is not null and state in ('waiting', 'working')",
];

/** The index keeps no text of its own, reads it from the rows, and forgets a word the moment its row goes. */
async function makeSqliteSearch(database: Kysely<never>): Promise<void> {
  for (const [table, column] of [
    ['message', 'content'],
    ['chat', 'title'],
  ] as const) {
    const index = `${table}_search`;
    const add = `insert into ${index} (rowid, ${column}) values (new.sequence, new.${column});`;
    const remove = `insert into ${index} (${index}, rowid, ${column}) values ('delete', old.sequence, old.${column});`;
    const statements = [
      `create virtual table ${index} using fts5 (${column}, content='${table}', content_rowid='sequence', tokenize='unicode61 remove_diacritics 2', prefix='2 3')`,
      `insert into ${index} (${index}, rank) values ('secure-delete', 1)`,
      `create trigger ${index}_insert after insert on ${table} begin ${add} end`,
      `create trigger ${index}_delete after delete on ${table} begin ${remove} end`,
      `create trigger ${index}_update after update of ${column} on ${table} begin ${remove} ${add} end`,
    ];
    for (const statement of statements) await sql.raw(statement).execute(database);
  }
}

/** Filled by the writing side, which cuts and folds words itself (`search-words.ts`). */
async function makePostgresSearch(database: Kysely<never>): Promise<void> {
  for (const table of ['message', 'chat']) {
    const index = `${table}_search`;
    const columns = `sequence bigint primary key references ${table} (sequence) on delete cascade, owner text not null, words tsvector not null`;
    await sql.raw(`create table ${index} (${columns})`).execute(database);
    await sql.raw(`create index ${index}_words on ${index} using gin (words)`).execute(database);
  }
}
