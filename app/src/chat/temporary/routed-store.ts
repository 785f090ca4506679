import { toAppError } from '../../contracts/app-error.ts';
import type { NewOutboxEvent } from '../../store/outbox-store.ts';
import type { Store } from '../../store/store.ts';
import type { ConversationStore } from '../conversation-store.ts';
import type { TemporaryChats } from './temporary-chats.ts';

/**
 * One way to speak with both kinds of conversations: what belongs to a temporary chat is answered by memory and never
 * reaches the store. The exception is a log event that the operator forces.
 */
export function createRoutedStore(store: Store, temporary: TemporaryChats): ConversationStore {
  const ofChat = (chatId: string): TemporaryChats | Store => (temporary.hasChat(chatId) ? temporary : store);
  const ofMessage = (messageId: string): TemporaryChats | Store =>
    temporary.hasMessage(messageId) ? temporary : store;
  const ofRun = (runId: string): TemporaryChats | Store => (temporary.hasRun(runId) ? temporary : store);

  return {
    createChat: (owner, chat) => store.createChat(owner, chat),
    getChat: (owner, chatId) => ofChat(chatId).getChat(owner, chatId),
    openChat: (owner, chatId, part) => ofChat(chatId).openChat(owner, chatId, part),
    updateChat: (owner, write) => ofChat(write.chatId).updateChat(owner, write),
    setActiveLeaf: (owner, write) => ofChat(write.chatId).setActiveLeaf(owner, write),
    getMessage: (owner, messageId) => ofMessage(messageId).getMessage(owner, messageId),
    addMessage: (owner, write) => ofChat(write.chatId).addMessage(owner, write),
    async updateMessage(owner, write) {
      if (!temporary.hasMessage(write.messageId)) return store.updateMessage(owner, write);
      temporary.checkMessage(owner, write);
      await addEvents(store, owner, write.events ?? []);
      return temporary.updateMessage(owner, write);
    },
    acceptRuns: (owner, write) => ofChat(write.chatId).acceptRuns(owner, write),
    acceptedBefore: async (owner, idempotency) =>
      (await temporary.acceptedBefore(owner, idempotency)) ?? store.acceptedBefore(owner, idempotency),
    getRun: (owner, runId) => ofRun(runId).getRun(owner, runId),
    listRuns: (owner, filter) => store.listRuns(owner, filter),
    updateRun: (owner, write) => ofRun(write.runId).updateRun(owner, write),
    ...journalCalls(store, temporary),
    listReceipts: async (owner, messageId) =>
      temporary.hasMessage(messageId) ? [] : store.listReceipts(owner, messageId),
    getReceipt: async (owner, runId) => (temporary.hasRun(runId) ? null : store.getReceipt(owner, runId)),
  };
}

type JournalCalls = Pick<
  ConversationStore,
  'resumeRun' | 'appendJournal' | 'readJournal' | 'finishRun' | 'watchRun'
>;

function journalCalls(store: Store, temporary: TemporaryChats): JournalCalls {
  return {
    async resumeRun(owner, write) {
      if (!temporary.hasRun(write.runId)) return store.resumeRun(owner, write);
      return { run: temporary.raiseEpoch(owner, write.runId), text: '' };
    },
    async appendJournal(entries) {
      for (const entry of entries) if (temporary.hasRun(entry.runId)) temporary.append(entry);
      const kept = entries.filter((entry) => !temporary.hasRun(entry.runId));
      return kept.length === 0 ? { refusedRunIds: [] } : store.appendJournal(kept);
    },
    async readJournal(owner, runId, from) {
      if (!temporary.hasRun(runId)) return store.readJournal(owner, runId, from);
      const run = await temporary.getRun(owner, runId);
      if (!run) return null;
      const message = await temporary.getMessage(owner, run.messageId);
      const text = message?.content ?? '';
      return { epoch: run.epoch, text: text.slice(from), durableOffset: text.length, phase: run.phase };
    },
    async finishRun(owner, write) {
      if (!temporary.hasRun(write.runId)) return store.finishRun(owner, write);
      const run = await temporary.getRun(owner, write.runId);
      // First: what memory holds to be ended is not tried again when the disk refuses the events.
      if (run && run.phase !== 'ended') await addEvents(store, owner, write.events);
      return temporary.finishRun(owner, write);
    },
    watchRun: (owner, runId, signal) => store.watchRun(owner, runId, signal),
  };
}

/** Tried again with the same ids: those that are there were written before, and only the answer to that was lost. */
async function addEvents(store: Store, owner: string, events: NewOutboxEvent[]): Promise<void> {
  if (events.length === 0) return;
  try {
    await store.addOutboxEvents(owner, events);
  } catch (error) {
    if (toAppError(error).code !== 'conflict') throw error;
  }
}
