import { type Selectable, sql } from 'kysely';
import type { Chat, TrashEntry } from '../../contracts/chats.ts';
import { AppError } from '../../contracts/app-error.ts';
import { leafAfterLoss, newestLeafBelow, subtreeIds } from '../../lib/message-tree.ts';
import type { ChatStore } from '../chat-store.ts';
import type { TrashTable } from '../schema.ts';
import type { Page, PageRequest } from '../store.ts';
import { type ChatRow, findChat, readChat, requireChat, requireMessage } from './chat-reading.ts';
import { selectTree } from './message-reading.ts';
import { deleteMessages, setLeaf } from './chat-writing.ts';
import { decodeCursor, toPage } from './cursor.ts';
import { toTrashEntry } from './rows.ts';
import { inPieces, notFound, requireVersion, type Session } from './session.ts';

type TrashWrite = Parameters<ChatStore['trash']>[1];
type TrashRow = Selectable<TrashTable>;

/** What one entry takes away, and the leaf that is shown afterwards. */
interface Taken {
  kind: TrashEntry['kind'];
  messageIds: string[];
  activeLeafId: string | null;
}

async function chooseTaken(session: Session, chat: ChatRow, write: TrashWrite): Promise<Taken> {
  const tree = await selectTree(session.database, chat.id);
  if (write.messageId === undefined) {
    requireVersion('chat', write.version ?? chat.version, chat);
    const messageIds = tree.map((row) => row.id);
    return write.clear === true
      ? { kind: 'clear', messageIds, activeLeafId: null }
      : { kind: 'chat', messageIds, activeLeafId: chat.active_leaf_id };
  }
  const message = await requireMessage(session, chat.owner, write.messageId);
  if (message.chat_id !== chat.id) throw notFound('message');
  requireVersion('message', write.version ?? message.version, message);
  const nodes = tree.map((row) => ({ id: row.id, parentId: row.parent_id }));
  const gone = subtreeIds(nodes, message.id);
  const activeLeafId = leafAfterLoss(nodes, gone, chat.active_leaf_id);
  return { kind: 'messages', messageIds: [...gone], activeLeafId };
}

async function refuseRunning(session: Session, messageIds: string[]): Promise<void> {
  for (const piece of inPieces(messageIds)) {
    const running = await session.database
      .selectFrom('run')
      .select('id')
      .where('message_id', 'in', piece)
      .where('phase', '<>', 'ended')
      .executeTakeFirst();
    if (running)
      throw new AppError('conflict', 'An answer is still being written there.', {
        hint: 'Stop it first.',
        details: { runId: running.id },
      });
  }
}

export const trashReading = {
  async listTrash(session: Session, owner: string, page: PageRequest): Promise<Page<TrashEntry>> {
    const after = decodeCursor<[number]>(page.cursor, [0]);
    let query = session.database.selectFrom('trash').selectAll().where('owner', '=', owner);
    if (after) query = query.where('sequence', '<', after[0]);
    const rows = await query
      .orderBy('sequence', 'desc')
      .limit(page.limit + 1)
      .execute();
    return toPage(rows, page.limit, { item: toTrashEntry, position: (row) => [row.sequence] });
  },
};

export const trashWriting = {
  async trash(
    session: Session,
    owner: string,
    write: TrashWrite,
  ): Promise<TrashEntry & { activeLeafId: string | null }> {
    const chat = await requireChat(session, owner, write.chatId);
    const taken = await chooseTaken(session, chat, write);
    await refuseRunning(session, taken.messageIds);
    const entry = await session.database
      .insertInto('trash')
      .values({
        id: write.trashId,
        owner,
        kind: taken.kind,
        chat_id: chat.id,
        title: chat.title,
        message_count: taken.messageIds.length,
        previous_leaf_id: chat.active_leaf_id,
        trashed_at: write.now,
        purge_at: write.purgeAt,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    if (taken.kind === 'chat')
      await session.database
        .updateTable('chat')
        .set({ trash_id: entry.id })
        .where('id', '=', chat.id)
        .execute();
    else await takeMessages(session, entry.id, taken.messageIds);
    await setLeaf(session, chat.id, { active_leaf_id: taken.activeLeafId });
    return { ...toTrashEntry(entry), activeLeafId: taken.activeLeafId };
  },

  async restore(session: Session, owner: string, trashId: string): Promise<Chat> {
    const entry = await removeEntry(session, owner, trashId);
    const chat = await findChat(session.database, owner, entry.chat_id);
    if (!chat) throw notFound('chat');
    if (entry.kind === 'chat')
      await session.database.updateTable('chat').set({ trash_id: null }).where('id', '=', chat.id).execute();
    else {
      await refuseWithoutParent(session, chat, entry.id);
      const restored = await session.database
        .updateTable('message')
        .set({ trash_id: null })
        .where('trash_id', '=', entry.id)
        .returning('id')
        .execute();
      const restoredIds = new Set(restored.map((row) => row.id));
      const leafId = await leafAfterReturn(session, chat, entry, restoredIds);
      await setLeaf(session, chat.id, { active_leaf_id: leafId });
    }
    return readChat(session, owner, chat.id);
  },

  async purgeTrash(session: Session, now: number): Promise<{ chatIds: string[] }> {
    const due = await session.database
      .deleteFrom('trash')
      .where('purge_at', '<=', now)
      .returningAll()
      .execute();
    for (const entry of due) await purge(session, entry);
    return { chatIds: [...new Set(due.map((entry) => entry.chat_id))] };
  },

  async purgeTrashEntry(session: Session, owner: string, trashId: string): Promise<{ chatId: string }> {
    const entry = await removeEntry(session, owner, trashId);
    await purge(session, entry);
    return { chatId: entry.chat_id };
  },
};

/**
 * The hourly purge holds no owner's lock on PostgreSQL. So whoever restores or purges takes the entry off the list
 * first: of two at once the second waits here, and then there is no such entry.
 */
async function removeEntry(session: Session, owner: string, trashId: string): Promise<TrashRow> {
  const entry = await session.database
    .deleteFrom('trash')
    .where('id', '=', trashId)
    .where('owner', '=', owner)
    .returningAll()
    .executeTakeFirst();
  if (!entry) throw notFound('entry in the trash');
  return entry;
}

/** What an entry that is off the list took away. */
async function purge(session: Session, entry: TrashRow): Promise<void> {
  session.truncateLog = true;
  if (entry.kind !== 'chat') return purgeMessages(session, entry);
  await session.database
    .deleteFrom('chat')
    .where('id', '=', entry.chat_id)
    .where('trash_id', '=', entry.id)
    .execute();
}

async function takeMessages(session: Session, trashId: string, messageIds: string[]): Promise<void> {
  for (const piece of inPieces(messageIds))
    await session.database
      .updateTable('message')
      .set({ trash_id: trashId })
      .where('id', 'in', piece)
      .execute();
}

/** A message comes back below its parent, so that must not be in the trash itself, nor the chat. */
async function refuseWithoutParent(session: Session, chat: ChatRow, trashId: string): Promise<void> {
  const above = await session.database
    .selectFrom('message')
    .innerJoin('message as parent', 'parent.id', 'message.parent_id')
    .select('parent.trash_id')
    .where('message.trash_id', '=', trashId)
    .where('parent.trash_id', 'is not', null)
    .where('parent.trash_id', '<>', trashId)
    .executeTakeFirst();
  const holder = chat.trash_id ?? above?.trash_id;
  if (holder === undefined) return;
  throw new AppError('conflict', 'What these messages belong to is in the trash too.', {
    hint: 'Restore that first.',
    details: { trashId: holder },
  });
}

/**
 * What was shown before, where it is there; it may have gone to the trash since. Else the newest of what came back.
 * Where nothing came back, what is shown stays.
 */
async function leafAfterReturn(
  session: Session,
  chat: ChatRow,
  entry: TrashRow,
  restoredIds: ReadonlySet<string>,
): Promise<string | null> {
  if (restoredIds.size === 0) return chat.active_leaf_id;
  const tree = await selectTree(session.database, chat.id);
  const nodes = tree.map((row) => ({ id: row.id, parentId: row.parent_id }));
  const shown =
    nodes.find((node) => node.id === entry.previous_leaf_id) ??
    nodes.findLast((node) => restoredIds.has(node.id));
  return shown ? newestLeafBelow(nodes, shown.id) : chat.active_leaf_id;
}

async function purgeMessages(session: Session, entry: { id: string; chat_id: string }): Promise<void> {
  const all = await session.database
    .selectFrom('message')
    .select(['id', 'parent_id', sql<number>`case when trash_id = ${entry.id} then 1 else 0 end`.as('taken')])
    .where('chat_id', '=', entry.chat_id)
    .orderBy('sequence')
    .execute();
  const doomed = new Set(all.filter((row) => row.taken === 1).map((row) => row.id));
  // Parents come first in `sequence`, so one pass also finds what older entries took from below.
  for (const row of all) if (row.parent_id !== null && doomed.has(row.parent_id)) doomed.add(row.id);
  await deleteMessages(session, [...doomed]);
  await removeEmptyEntries(session, entry.chat_id);
}

/** Entries of which nothing is left to restore. */
async function removeEmptyEntries(session: Session, chatId: string): Promise<void> {
  await session.database
    .deleteFrom('trash')
    .where('chat_id', '=', chatId)
    .where('kind', '<>', 'chat')
    .where((where) =>
      where.not(
        where.exists(
          where.selectFrom('message').select('message.id').whereRef('message.trash_id', '=', 'trash.id'),
        ),
      ),
    )
    .execute();
}
