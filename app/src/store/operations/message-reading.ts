import type { Kysely, Selectable } from 'kysely';
import type { ChatMessage } from '../../contracts/chats.ts';
import { branchTo } from '../../lib/message-tree.ts';
import type { ChatTable, MessageTable, Schema } from '../schema.ts';
import { toMessage } from './rows.ts';
import { inPieces } from './session.ts';

export type MessageRow = Selectable<MessageTable>;

/** Messages with the text that running answers have in the journal. */
export async function withJournal(database: Kysely<Schema>, rows: MessageRow[]): Promise<ChatMessage[]> {
  const runIds = rows.flatMap((row) => (row.state === 'running' && row.run_id !== null ? [row.run_id] : []));
  const texts = new Map<string, string>();
  for (const piece of inPieces(runIds)) {
    const entries = await database
      .selectFrom('journal')
      .select(['run_id', 'text'])
      .where('run_id', 'in', piece)
      .orderBy('run_id')
      .orderBy('start_offset')
      .execute();
    for (const entry of entries) texts.set(entry.run_id, (texts.get(entry.run_id) ?? '') + entry.text);
  }
  return rows.map((row) => {
    const message = toMessage(row);
    const journal = row.run_id === null ? undefined : texts.get(row.run_id);
    return journal === undefined ? message : { ...message, content: message.content + journal };
  });
}

/** All messages outside the trash; siblings and generations in the order they were made. */
export function selectTree(database: Kysely<Schema>, chatId: string): Promise<MessageRow[]> {
  return database
    .selectFrom('message')
    .selectAll()
    .where('chat_id', '=', chatId)
    .where('trash_id', 'is', null)
    .orderBy('sequence')
    .execute();
}

/** The same tree without its texts. */
export function selectNodes(
  database: Kysely<Schema>,
  chatId: string,
): Promise<{ id: string; parentId: string | null }[]> {
  return database
    .selectFrom('message')
    .select(['id', 'parent_id as parentId'])
    .where('chat_id', '=', chatId)
    .where('trash_id', 'is', null)
    .orderBy('sequence')
    .execute();
}

export interface SelectedMessages {
  rows: MessageRow[];
  /** Of all messages outside the trash. */
  count: number;
}

/** The end of a branch, in the same order; each message with its siblings, so that its place among them is known. */
export async function selectEnd(
  database: Kysely<Schema>,
  { id, active_leaf_id: leafId }: Pick<Selectable<ChatTable>, 'id' | 'active_leaf_id'>,
  last: number,
): Promise<SelectedMessages> {
  const nodes = await selectNodes(database, id);
  const end = branchTo(nodes, leafId).slice(-last);
  if (end.length === 0) return selectWhole(database, id);
  const parents = new Set(end.map((node) => node.parentId));
  const wanted = nodes.filter((node) => parents.has(node.parentId)).map((node) => node.id);
  const rows: MessageRow[] = [];
  for (const piece of inPieces(wanted))
    rows.push(
      ...(await database
        .selectFrom('message')
        .selectAll()
        .where('id', 'in', piece)
        .orderBy('sequence')
        .execute()),
    );
  return { rows, count: nodes.length };
}

export async function selectWhole(database: Kysely<Schema>, chatId: string): Promise<SelectedMessages> {
  const rows = await selectTree(database, chatId);
  return { rows, count: rows.length };
}
