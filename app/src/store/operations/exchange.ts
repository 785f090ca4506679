import type { ExchangeStore, ExportedChat, ImportedChat } from '../exchange-store.ts';
import type { Receipt } from '../../contracts/runs.ts';
import type { Page } from '../store.ts';
import { selectTree, tagsOf, withJournal } from './chat-reading.ts';
import { insertChat, insertMessages, newChatRow, newMessageRow, writeTags } from './chat-writing.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { fromJson } from '../json.ts';
import { toChat } from './rows.ts';
import { inPieces, type Session } from './session.ts';

export const exchangeReading = {
  async exportChats(
    session: Session,
    owner: string,
    query: Parameters<ExchangeStore['exportChats']>[1],
  ): Promise<Page<ExportedChat>> {
    const after = decodeCursor<[number]>(query.cursor, [0]);
    const select = session.database
      .selectFrom('chat')
      .selectAll()
      .where('owner', '=', owner)
      .where('trash_id', 'is', null)
      .where('sequence', '>', after?.[0] ?? 0)
      .orderBy('sequence')
      .limit(query.limit + 1);
    const rows = [];
    if (query.chatIds === undefined) rows.push(...(await select.execute()));
    else
      for (const piece of inPieces(query.chatIds))
        rows.push(...(await select.where('id', 'in', piece).execute()));
    rows.sort((a, b) => a.sequence - b.sequence);
    const items: ExportedChat[] = [];
    const shown = rows.slice(0, query.limit);
    const tags = await tagsOf(
      session.database,
      shown.map((row) => row.id),
    );
    for (const row of shown) {
      const messages = await withJournal(session.database, await selectTree(session.database, row.id));
      items.push({
        chat: toChat(row, {
          messageCount: messages.length,
          trashedAt: null,
          tags: tags.get(row.id) ?? [],
        }),
        messages,
        receipts: await receiptsOf(session, row.id, new Set(messages.map((message) => message.id))),
      });
    }
    const last = rows[query.limit - 1];
    return { items, cursor: rows.length > query.limit && last ? encodeCursor([last.sequence]) : null };
  },
};

async function receiptsOf(session: Session, chatId: string, messageIds: Set<string>): Promise<Receipt[]> {
  const rows = await session.database
    .selectFrom('receipt')
    .select(['message_id', 'body_json'])
    .where('chat_id', '=', chatId)
    .orderBy('sequence')
    .execute();
  return rows.filter((row) => messageIds.has(row.message_id)).map((row) => fromJson(row.body_json));
}

export const exchangeWriting = {
  async importChats(
    session: Session,
    owner: string,
    chats: ImportedChat[],
  ): Promise<{ chatIds: string[]; passedOver: number }> {
    const chatIds: string[] = [];
    for (const { chat, messages, activeLeafId, importKey } of chats) {
      const known = await session.database
        .selectFrom('chat')
        .select('id')
        .where('owner', '=', owner)
        .where('import_key', '=', importKey)
        .executeTakeFirst();
      if (known) continue;
      await insertChat(session, {
        ...newChatRow(owner, chat),
        pinned: chat.pinned === true ? 1 : 0,
        updated_at: chat.updatedAt,
        active_leaf_id: activeLeafId,
        import_key: importKey,
      });
      if (chat.tags) await writeTags(session, { id: chat.id, owner }, chat.tags);
      await insertMessages(
        session,
        messages.map((message) => newMessageRow(owner, chat.id, message)),
      );
      chatIds.push(chat.id);
    }
    return { chatIds, passedOver: chats.length - chatIds.length };
  },
};
