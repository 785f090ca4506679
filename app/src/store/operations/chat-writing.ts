import type { Insertable } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { Chat, ChatMessage } from '../../contracts/chats.ts';
import type { ChatChange, ChatStore, NewChat, NewMessage } from '../chat-store.ts';
import type { ChatTable, MessageTable } from '../schema.ts';
import { type ChatRow, readChat, requireChat, requireMessage, tagsOf } from './chat-reading.ts';
import { type MessageRow, selectTree, withJournal } from './message-reading.ts';
import { insertEvents } from './outbox.ts';
import { toJson, toJsonOrNull } from '../json.ts';
import { toMessage } from './rows.ts';
import { inPieces, notFound, requireVersion, type Session } from './session.ts';

type Write<Name extends keyof ChatStore> = Parameters<ChatStore[Name]>[1];

export async function insertChat(session: Session, row: Insertable<ChatTable>): Promise<ChatRow> {
  const inserted = await session.database
    .insertInto('chat')
    .values(row)
    .returningAll()
    .executeTakeFirstOrThrow();
  await session.dialect.index(session.database, 'chat', [{ id: inserted.id, text: inserted.title }]);
  return inserted;
}

/** In place of those that were there. */
export async function writeTags(
  session: Session,
  chat: { id: string; owner: string },
  tags: readonly string[],
): Promise<void> {
  await session.database.deleteFrom('chat_tag').where('chat_id', '=', chat.id).execute();
  const rows = [...new Set(tags)].map((tag) => ({ chat_id: chat.id, owner: chat.owner, tag }));
  if (rows.length > 0) await session.database.insertInto('chat_tag').values(rows).execute();
}

export function newChatRow(owner: string, chat: NewChat): Insertable<ChatTable> {
  return {
    id: chat.id,
    owner,
    title: chat.title,
    title_source: chat.titleSource,
    folder: chat.folder,
    pinned: 0,
    settings_json: toJson(chat.settings),
    version: 1,
    active_leaf_id: null,
    created_at: chat.createdAt,
    updated_at: chat.createdAt,
    trash_id: null,
    import_key: null,
  };
}

export function newMessageRow(owner: string, chatId: string, message: NewMessage): Insertable<MessageTable> {
  return {
    id: message.id,
    owner,
    chat_id: chatId,
    parent_id: message.parentId,
    role: message.role,
    content: message.content,
    state: message.state ?? 'complete',
    run_id: message.runId ?? null,
    model: message.model ?? null,
    pinned: message.pinned === true ? 1 : 0,
    feedback_json: toJsonOrNull(message.feedback),
    outcome_json: toJsonOrNull(message.outcome),
    version: 1,
    created_at: message.createdAt,
    trash_id: null,
  };
}

export async function insertMessages(
  session: Session,
  rows: Insertable<MessageTable>[],
): Promise<MessageRow[]> {
  const inserted: MessageRow[] = [];
  // One at a time: the order of `sequence` is the order of the tree.
  for (const row of rows)
    inserted.push(
      await session.database.insertInto('message').values(row).returningAll().executeTakeFirstOrThrow(),
    );
  await session.dialect.index(
    session.database,
    'message',
    rows.map((row) => ({ id: row.id, text: row.content })),
  );
  return inserted;
}

/** `parentId` is a message of this chat outside the trash, or null. */
export async function requireParent(
  session: Session,
  chat: ChatRow,
  parentId: string | null,
): Promise<MessageRow | null> {
  if (parentId === null) return null;
  const parent = await requireMessage(session, chat.owner, parentId);
  if (parent.chat_id !== chat.id) throw notFound('message');
  return parent;
}

function toColumns(change: ChatChange): Partial<Insertable<ChatTable>> {
  return {
    ...(change.title === undefined ? {} : { title: change.title }),
    ...(change.titleSource === undefined ? {} : { title_source: change.titleSource }),
    ...(change.folder === undefined ? {} : { folder: change.folder }),
    ...(change.pinned === undefined ? {} : { pinned: change.pinned ? 1 : 0 }),
    ...(change.settings === undefined ? {} : { settings_json: toJson(change.settings) }),
  };
}

export const chatWriting = {
  async createChat(session: Session, owner: string, chat: NewChat): Promise<Chat> {
    await insertChat(session, newChatRow(owner, chat));
    if (chat.tags) await writeTags(session, { id: chat.id, owner }, chat.tags);
    return readChat(session, owner, chat.id);
  },

  async updateChat(session: Session, owner: string, write: Write<'updateChat'>): Promise<Chat> {
    const row = await requireChat(session, owner, write.chatId);
    requireVersion('chat', write.version, row);
    await session.database
      .updateTable('chat')
      .set({ ...toColumns(write.change), version: row.version + 1 })
      .where('id', '=', row.id)
      .execute();
    if (write.change.tags) await writeTags(session, row, write.change.tags);
    if (write.change.title !== undefined)
      await session.dialect.index(session.database, 'chat', [{ id: row.id, text: write.change.title }]);
    return readChat(session, owner, row.id);
  },

  async setActiveLeaf(session: Session, owner: string, write: Write<'setActiveLeaf'>): Promise<Chat> {
    const chat = await requireChat(session, owner, write.chatId);
    await requireParent(session, chat, write.leafId);
    await setLeaf(session, chat.id, { active_leaf_id: write.leafId });
    return readChat(session, owner, chat.id);
  },

  async duplicateChat(
    session: Session,
    owner: string,
    write: Write<'duplicateChat'>,
  ): Promise<{ chat: Chat; messageIds: Record<string, string> }> {
    const original = await requireChat(session, owner, write.chatId);
    const tree = await selectTree(session.database, original.id);
    const messageIds = new Map(tree.map((row) => [row.id, uuidv7()]));
    const copyOf = (id: string | null): string | null => (id === null ? null : (messageIds.get(id) ?? null));
    const { sequence: _original, ...columns } = original;
    await insertChat(session, {
      ...columns,
      id: write.newChatId,
      title: write.title,
      version: 1,
      active_leaf_id: copyOf(original.active_leaf_id),
      created_at: write.now,
      updated_at: write.now,
      import_key: null,
    });
    const tags = await tagsOf(session.database, [original.id]);
    await writeTags(session, { id: write.newChatId, owner }, tags.get(original.id) ?? []);
    const texts = await withJournal(session.database, tree);
    const copies = tree.map(({ sequence: _copied, ...row }, at) => ({
      ...row,
      id: messageIds.get(row.id) ?? uuidv7(),
      chat_id: write.newChatId,
      parent_id: copyOf(row.parent_id),
      content: texts[at]?.content ?? row.content,
      state: row.state === 'running' ? 'stopped' : row.state,
      run_id: null,
      version: 1,
    }));
    await insertMessages(session, copies);
    return {
      chat: await readChat(session, owner, write.newChatId),
      messageIds: Object.fromEntries(messageIds),
    };
  },

  async addMessage(session: Session, owner: string, write: Write<'addMessage'>): Promise<ChatMessage> {
    const chat = await requireChat(session, owner, write.chatId);
    await requireParent(session, chat, write.message.parentId);
    const [row] = await insertMessages(session, [newMessageRow(owner, chat.id, write.message)]);
    if (!row) throw notFound('message');
    await setLeaf(session, chat.id, { active_leaf_id: row.id, updated_at: write.message.createdAt });
    return toMessage(row);
  },

  async updateMessage(session: Session, owner: string, write: Write<'updateMessage'>): Promise<ChatMessage> {
    const row = await requireMessage(session, owner, write.messageId);
    requireVersion('message', write.version, row);
    const { pinned, feedback } = write.change;
    const updated = await session.database
      .updateTable('message')
      .set({
        ...(pinned === undefined ? {} : { pinned: pinned ? 1 : 0 }),
        ...(feedback === undefined ? {} : { feedback_json: toJsonOrNull(feedback) }),
        version: row.version + 1,
      })
      .where('id', '=', row.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    await insertEvents(session, owner, write.events ?? []);
    const [message] = await withJournal(session.database, [updated]);
    return message ?? toMessage(updated);
  },
};

export async function setLeaf(
  session: Session,
  chatId: string,
  columns: { active_leaf_id: string | null; updated_at?: number },
): Promise<void> {
  await session.database.updateTable('chat').set(columns).where('id', '=', chatId).execute();
}

export async function deleteMessages(session: Session, messageIds: string[]): Promise<void> {
  for (const piece of inPieces(messageIds)) {
    await session.database.deleteFrom('run').where('message_id', 'in', piece).execute();
    await session.database.deleteFrom('message').where('id', 'in', piece).execute();
  }
}
