import type { Kysely, Selectable } from 'kysely';
import { sql } from 'kysely';
import type { Chat, ChatMessage } from '../../contracts/chats.ts';
import type { ChatFilter, OpenedChat } from '../chat-store.ts';
import type { ChatTable, Schema } from '../schema.ts';
import type { Page } from '../store.ts';
import { decodeCursor, toPage } from './cursor.ts';
import { type MessageRow, selectEnd, selectWhole, withJournal } from './message-reading.ts';
import { toChat, toRun } from './rows.ts';
import { countAll, inPieces, notFound, type Session } from './session.ts';

export type ChatRow = Selectable<ChatTable>;

/** A chat of the owner, in the trash or not. */
export function findChat(
  database: Kysely<Schema>,
  owner: string,
  chatId: string,
): Promise<ChatRow | undefined> {
  return database
    .selectFrom('chat')
    .selectAll()
    .where('id', '=', chatId)
    .where('owner', '=', owner)
    .executeTakeFirst();
}

/** A chat of the owner that is not in the trash, or `not-found`. */
export async function requireChat(session: Session, owner: string, chatId: string): Promise<ChatRow> {
  const row = await findChat(session.database, owner, chatId);
  if (!row || row.trash_id !== null) throw notFound('chat');
  return row;
}

/** A message of the owner that is not in the trash, nor its chat, or `not-found`. */
export async function requireMessage(
  session: Session,
  owner: string,
  messageId: string,
): Promise<MessageRow> {
  const row = await findMessage(session.database, owner, messageId);
  if (!row) throw notFound('message');
  return row;
}

function findMessage(
  database: Kysely<Schema>,
  owner: string,
  messageId: string,
): Promise<MessageRow | undefined> {
  return database
    .selectFrom('message')
    .innerJoin('chat', 'chat.id', 'message.chat_id')
    .selectAll('message')
    .where('message.id', '=', messageId)
    .where('message.owner', '=', owner)
    .where('message.trash_id', 'is', null)
    .where('chat.trash_id', 'is', null)
    .executeTakeFirst();
}

async function countMessages(database: Kysely<Schema>, chatIds: string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const piece of inPieces(chatIds)) {
    const rows = await database
      .selectFrom('message')
      .select(['chat_id', countAll.as('count')])
      .where('chat_id', 'in', piece)
      .where('trash_id', 'is', null)
      .groupBy('chat_id')
      .execute();
    for (const row of rows) counts.set(row.chat_id, row.count);
  }
  return counts;
}

export async function tagsOf(
  database: Kysely<Schema>,
  chatIds: readonly string[],
): Promise<Map<string, string[]>> {
  const tags = new Map<string, string[]>();
  for (const piece of inPieces(chatIds)) {
    const rows = await database
      .selectFrom('chat_tag')
      .select(['chat_id', 'tag'])
      .where('chat_id', 'in', piece)
      .execute();
    for (const row of rows) tags.set(row.chat_id, [...(tags.get(row.chat_id) ?? []), row.tag]);
  }
  // Not by the database: its order of characters depends on where it was set up.
  for (const names of tags.values()) names.sort();
  return tags;
}

export async function describeChat(session: Session, row: ChatRow): Promise<Chat> {
  const counts = await countMessages(session.database, [row.id]);
  const trash =
    row.trash_id === null
      ? undefined
      : await session.database
          .selectFrom('trash')
          .select('trashed_at')
          .where('id', '=', row.trash_id)
          .executeTakeFirst();
  return toChat(row, {
    messageCount: counts.get(row.id) ?? 0,
    trashedAt: trash?.trashed_at ?? null,
    tags: (await tagsOf(session.database, [row.id])).get(row.id) ?? [],
  });
}

/** The chat as it now is, after a write in the same transaction. */
export async function readChat(session: Session, owner: string, chatId: string): Promise<Chat> {
  const row = await findChat(session.database, owner, chatId);
  if (!row) throw notFound('chat');
  return describeChat(session, row);
}

export const chatReading = {
  async getChat(session: Session, owner: string, chatId: string): Promise<Chat | null> {
    const row = await findChat(session.database, owner, chatId);
    return row ? describeChat(session, row) : null;
  },

  async openChat(
    session: Session,
    owner: string,
    chatId: string,
    part?: { last: number },
  ): Promise<OpenedChat | null> {
    const row = await findChat(session.database, owner, chatId);
    if (!row || row.trash_id !== null) return null;
    const { rows, count } = part
      ? await selectEnd(session.database, row, part.last)
      : await selectWhole(session.database, chatId);
    const messages = await withJournal(session.database, rows);
    const runs = await session.database
      .selectFrom('run')
      .selectAll()
      .where('chat_id', '=', chatId)
      .where('phase', '<>', 'ended')
      .orderBy('sequence')
      .execute();
    return {
      chat: toChat(row, {
        messageCount: count,
        trashedAt: null,
        tags: (await tagsOf(session.database, [chatId])).get(chatId) ?? [],
      }),
      messages,
      runs: runs.map(toRun),
    };
  },

  async listChats(session: Session, owner: string, filter: ChatFilter): Promise<Page<Chat>> {
    const after = decodeCursor<[number, number, string]>(filter.cursor, [0, 0, '']);
    let query = session.database
      .selectFrom('chat')
      .selectAll()
      .where('owner', '=', owner)
      .where('trash_id', 'is', null);
    if (filter.folder === null) query = query.where('folder', 'is', null);
    else if (filter.folder !== undefined) query = query.where('folder', '=', filter.folder);
    if (filter.tag !== undefined) {
      const tagged = session.database.selectFrom('chat_tag').select('chat_id').where('tag', '=', filter.tag);
      query = query.where('id', 'in', tagged.where('owner', '=', owner));
    }
    if (after) {
      const [pinned, updatedAt, id] = after;
      query = query.where(
        sql<boolean>`(pinned < ${pinned} or (pinned = ${pinned} and (updated_at < ${updatedAt} or (updated_at = ${updatedAt} and id > ${id}))))`,
      );
    }
    const rows = await query
      .orderBy('pinned', 'desc')
      .orderBy('updated_at', 'desc')
      .orderBy('id')
      .limit(filter.limit + 1)
      .execute();
    const shown = rows.slice(0, filter.limit).map((row) => row.id);
    const counts = await countMessages(session.database, shown);
    const tags = await tagsOf(session.database, shown);
    return toPage(rows, filter.limit, {
      item: (row) =>
        toChat(row, {
          messageCount: counts.get(row.id) ?? 0,
          trashedAt: null,
          tags: tags.get(row.id) ?? [],
        }),
      position: (row) => [row.pinned, row.updated_at, row.id],
    });
  },

  async listFolders(session: Session, owner: string): Promise<{ name: string; chatCount: number }[]> {
    const rows = await session.database
      .selectFrom('chat')
      .select(['folder', countAll.as('count')])
      .where('owner', '=', owner)
      .where('trash_id', 'is', null)
      .where('folder', 'is not', null)
      .groupBy('folder')
      .execute();
    return rows
      .map((row) => ({ name: row.folder ?? '', chatCount: row.count }))
      .sort((a, b) => a.name.localeCompare(b.name));
  },

  async listTags(session: Session, owner: string): Promise<{ name: string; chatCount: number }[]> {
    const rows = await session.database
      .selectFrom('chat_tag')
      .innerJoin('chat', 'chat.id', 'chat_tag.chat_id')
      .select(['tag', countAll.as('count')])
      .where('chat_tag.owner', '=', owner)
      .where('chat.trash_id', 'is', null)
      .groupBy('tag')
      .execute();
    return rows
      .map((row) => ({ name: row.tag, chatCount: row.count }))
      .sort((a, b) => a.name.localeCompare(b.name));
  },

  async getMessage(session: Session, owner: string, messageId: string): Promise<ChatMessage | null> {
    const row = await findMessage(session.database, owner, messageId);
    if (!row) return null;
    const [message] = await withJournal(session.database, [row]);
    return message ?? null;
  },
};
