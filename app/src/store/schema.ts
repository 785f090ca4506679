import type { Generated } from 'kysely';
import type { ErrorBody } from '../contracts/app-error.ts';
import type { AnswerOutcome, ChatSettings, Feedback } from '../contracts/chats.ts';
import type { Receipt } from '../contracts/runs.ts';
import type { Json } from './json.ts';
import type { RunState } from './run-store.ts';

/**
 * The tables, as both databases have them. Truth values are 0 and 1, times are milliseconds, `*_json` holds JSON text.
 * `sequence` rises with every row of its table and is what order is taken from. Every table has an `owner`.
 */
export interface Schema {
  chat: ChatTable;
  chat_tag: ChatTagTable;
  message: MessageTable;
  run: RunTable;
  journal: JournalTable;
  receipt: ReceiptTable;
  trash: TrashTable;
  idempotency: IdempotencyTable;
  outbox: OutboxTable;
  counter: CounterTable;
  preference: PreferenceTable;
  model_setting: ModelSettingTable;
  preset: PresetTable;
  provider: ProviderTable;
  job: JobTable;
}

/** Everything that belongs to a person, children before what they refer to. `counter` holds figures of the server. */
export const personalTables = [
  'idempotency',
  'journal',
  'receipt',
  'run',
  'trash',
  'message',
  'chat_tag',
  'chat',
  'outbox',
  'preference',
  'model_setting',
  'preset',
  'provider',
  'job',
] as const satisfies readonly (keyof Schema)[];

/** All tables, in an order in which rows can be put back. */
export const allTables = [...personalTables]
  .reverse()
  .concat('counter' as never) as readonly (keyof Schema)[];

/** Owner of rows that belong to no person. */
export const systemOwner = 'system';

/** So many rounds of each work that comes round by itself are known for as long as no newer ones have ended. */
export const roundsKept = 24;

export interface ChatTable {
  sequence: Generated<number>;
  id: string;
  owner: string;
  title: string;
  title_source: string;
  folder: string | null;
  pinned: number;
  settings_json: Json<ChatSettings>;
  version: number;
  active_leaf_id: string | null;
  created_at: number;
  updated_at: number;
  trash_id: string | null;
  import_key: string | null;
}

export interface ChatTagTable {
  chat_id: string;
  owner: string;
  tag: string;
}

export interface MessageTable {
  sequence: Generated<number>;
  id: string;
  owner: string;
  chat_id: string;
  parent_id: string | null;
  role: string;
  content: string;
  state: string;
  run_id: string | null;
  model: string | null;
  pinned: number;
  feedback_json: Json<Feedback> | null;
  outcome_json: Json<AnswerOutcome> | null;
  version: number;
  created_at: number;
  trash_id: string | null;
}

export interface RunTable {
  sequence: Generated<number>;
  id: string;
  owner: string;
  chat_id: string;
  message_id: string;
  phase: string;
  epoch: number;
  start_offset: number;
  durable_offset: number;
  settings_json: Json<ChatSettings>;
  state_json: Json<RunState>;
  engine_crashes: number;
  resumed_at_json: Json<number[]>;
  end_reason: string | null;
  error_json: Json<ErrorBody> | null;
  created_at: number;
  ended_at: number | null;
}

export interface JournalTable {
  run_id: string;
  owner: string;
  start_offset: number;
  end_offset: number;
  text: string;
}

export interface ReceiptTable {
  sequence: Generated<number>;
  run_id: string;
  owner: string;
  chat_id: string;
  message_id: string;
  body_json: Json<Receipt>;
  created_at: number;
}

export interface TrashTable {
  sequence: Generated<number>;
  id: string;
  owner: string;
  kind: string;
  chat_id: string;
  title: string;
  message_count: number;
  previous_leaf_id: string | null;
  trashed_at: number;
  purge_at: number;
}

/** What an idempotency key leads back to. */
export interface AcceptedIds {
  userMessageId: string | null;
  answers: { runId: string; messageId: string }[];
}

export interface IdempotencyTable {
  owner: string;
  key: string;
  request_hash: string;
  chat_id: string;
  accepted_json: Json<AcceptedIds>;
  created_at: number;
}

export interface OutboxTable {
  sequence: Generated<number>;
  id: string;
  owner: string;
  conversation_id: string;
  body: string;
  size_bytes: number;
  created_at: number;
  attempts: number;
  next_attempt_at: number;
  last_error: string | null;
  state: string;
}

export interface CounterTable {
  owner: string;
  name: string;
  value_json: string;
}

export interface PreferenceTable {
  owner: string;
  settings_json: Json<ChatSettings>;
  page_json: Json<Record<string, unknown>>;
  version: number;
}

export interface ModelSettingTable {
  owner: string;
  model: string;
  settings_json: Json<ChatSettings>;
  version: number;
}

export interface PresetTable {
  owner: string;
  name: string;
  settings_json: Json<ChatSettings>;
  version: number;
}

export interface ProviderTable {
  owner: string;
  name: string;
  kind: string;
  url: string;
  sealed_key: string | null;
}

export interface JobTable {
  sequence: Generated<number>;
  id: string;
  owner: string;
  kind: string;
  payload_json: Json<Record<string, unknown>>;
  key: string | null;
  state: string;
  attempts: number;
  progress_json: Json<Record<string, unknown>> | null;
  error_json: Json<ErrorBody> | null;
  created_at: number;
  run_at: number;
  leased_by: string | null;
  leased_until: number | null;
  finished_at: number | null;
}
