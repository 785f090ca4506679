import type { ChatStore } from '../chat-store.ts';
import { personalTables } from '../schema.ts';
import { findChat } from './chat-reading.ts';
import { notFound, requireVersion, type Session } from './session.ts';

type What = Parameters<ChatStore['erase']>[1];

/**
 * Deletes the rows. `session.erased` tells the adapter to bring the same about in its files: the log, the backups.
 */
export const erasing = {
  async erase(session: Session, owner: string, what: What): Promise<{ chatIds: string[] }> {
    const chatIds = 'chatId' in what ? [what.chatId] : await chatsOf(session, owner);
    await endRuns(session, chatIds);
    if ('chatId' in what) {
      const chat = await findChat(session.database, owner, what.chatId);
      if (!chat) throw notFound('chat');
      requireVersion('chat', what.version ?? chat.version, chat);
      await eraseChat(session, owner, what.chatId);
    } else
      for (const table of personalTables)
        await session.database.deleteFrom(table).where('owner', '=', owner).execute();
    session.erased = { owner, chatIds: 'chatId' in what ? chatIds : null };
    session.truncateLog = true;
    return { chatIds };
  },

  async eraseOutboxEvents(session: Session, owner: string, conversationIds: string[]): Promise<void> {
    for (const conversationId of conversationIds) await eraseEvents(session, owner, conversationId);
    session.erased = { owner, chatIds: conversationIds };
    session.truncateLog = true;
  },
};

async function chatsOf(session: Session, owner: string): Promise<string[]> {
  const rows = await session.database.selectFrom('chat').select('id').where('owner', '=', owner).execute();
  return rows.map((row) => row.id);
}

/** Messages, runs, journal, receipts, trash and keys go with the chat by their foreign keys; it may be gone itself. */
export async function eraseChat(session: Session, owner: string, chatId: string): Promise<void> {
  await session.database.deleteFrom('chat').where('id', '=', chatId).where('owner', '=', owner).execute();
  await eraseEvents(session, owner, chatId);
  await session.database
    .deleteFrom('job')
    .where('owner', '=', owner)
    .where((where) =>
      where.or([where('payload_json', 'like', `%${chatId}%`), where('key', 'like', `%${chatId}%`)]),
    )
    .execute();
}

async function eraseEvents(session: Session, owner: string, conversationId: string): Promise<void> {
  await session.database
    .deleteFrom('outbox')
    .where('conversation_id', '=', conversationId)
    .where('owner', '=', owner)
    .execute();
}

/** Whoever watches hears that it is over. */
async function endRuns(session: Session, chatIds: string[]): Promise<void> {
  if (chatIds.length === 0) return;
  const wanted = new Set(chatIds);
  const running = await session.database
    .selectFrom('run')
    .selectAll()
    .where('phase', '<>', 'ended')
    .execute();
  for (const run of running)
    if (wanted.has(run.chat_id))
      session.notices.push({
        runId: run.id,
        epoch: run.epoch,
        durableOffset: run.durable_offset,
        phase: 'ended',
      });
}
