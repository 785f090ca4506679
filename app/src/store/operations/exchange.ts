import type { Insertable } from 'kysely';
import type { ExchangeStore, ExportedChat, ImportedChat, ImportedRun } from '../exchange-store.ts';
import type { Receipt } from '../../contracts/runs.ts';
import type { Page } from '../store.ts';
import { tagsOf } from './chat-reading.ts';
import { insertChat, insertMessages, newChatRow, newMessageRow, writeTags } from './chat-writing.ts';
import { selectTree, withJournal } from './message-reading.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { fromJson, toJson, toJsonOrNull } from '../json.ts';
import type { ReceiptTable, RunTable } from '../schema.ts';
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
    for (const { chat, messages, activeLeafId, importKey, runs = [] } of chats) {
      if (await isHere(session, owner, importKey)) continue;
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
      await insertRuns(session, { id: chat.id, owner }, runs);
      chatIds.push(chat.id);
    }
    return { chatIds, passedOver: chats.length - chatIds.length };
  },
};

/** One in the trash is not: it gives up its key, and brought back it stands beside the new one. */
async function isHere(session: Session, owner: string, importKey: string): Promise<boolean> {
  const known = await session.database
    .selectFrom('chat')
    .select(['id', 'trash_id'])
    .where('owner', '=', owner)
    .where('import_key', '=', importKey)
    .executeTakeFirst();
  if (!known || known.trash_id === null) return known !== undefined;
  await session.database.updateTable('chat').set({ import_key: null }).where('id', '=', known.id).execute();
  return false;
}

/** Rows in one statement: far below the number of parameters that a database takes. */
const runsAtOnce = 100;

/** In their order, in which receipts are listed later. */
async function insertRuns(
  session: Session,
  chat: { id: string; owner: string },
  runs: readonly ImportedRun[],
): Promise<void> {
  for (let start = 0; start < runs.length; start += runsAtOnce) {
    const piece = runs.slice(start, start + runsAtOnce);
    await session.database
      .insertInto('run')
      .values(piece.map((run) => runRow(chat, run)))
      .execute();
    const receipts = piece.flatMap(({ receipt }) => (receipt ? [receiptRow(chat, receipt)] : []));
    if (receipts.length > 0) await session.database.insertInto('receipt').values(receipts).execute();
  }
}

function runRow(chat: { id: string; owner: string }, run: ImportedRun): Insertable<RunTable> {
  return {
    id: run.id,
    owner: chat.owner,
    chat_id: chat.id,
    message_id: run.messageId,
    phase: 'ended',
    epoch: 1,
    start_offset: run.startOffset,
    durable_offset: run.endOffset,
    settings_json: toJson({}),
    state_json: toJson({}),
    engine_crashes: 0,
    resumed_at_json: toJson(run.resumedAt),
    end_reason: run.endReason,
    error_json: toJsonOrNull(run.error),
    created_at: run.createdAt,
    ended_at: run.createdAt,
  };
}

function receiptRow(chat: { id: string; owner: string }, receipt: Receipt): Insertable<ReceiptTable> {
  return {
    run_id: receipt.runId,
    owner: chat.owner,
    chat_id: chat.id,
    message_id: receipt.messageId,
    body_json: toJson(receipt),
    created_at: receipt.createdAt,
  };
}
