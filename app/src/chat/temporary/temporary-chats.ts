import type { Chat, ChatMessage } from '../../contracts/chats.ts';
import type { NewChat, OpenedChat } from '../../store/chat-store.ts';
import type { AcceptedRuns, AcceptRuns, FinishRun, JournalEntry, RunRecord } from '../../store/run-store.ts';
import type { ConversationStore } from '../conversation-store.ts';
import { notFound, requireVersion } from '../refusals.ts';
import { plainRun } from '../runs/plain-run.ts';
import {
  addMessage,
  messageIn,
  newTemporaryChat,
  removeMessages,
  replaceMessage,
  type TemporaryChat,
} from './temporary-chat.ts';
import { acceptedBefore, acceptRuns, appendText, finishRun, raiseEpoch } from './temporary-runs.ts';

/** More than this at once is not somebody's chats but a leak; the one that was longest not used goes. */
const mostChats = 100;

/** The calls of a conversation that memory answers itself; what concerns the journal has nothing to do here. */
type MemoryCalls = Omit<
  ConversationStore,
  'resumeRun' | 'watchRun' | 'listReceipts' | 'getReceipt' | 'appendJournal' | 'readJournal' | 'listRuns'
>;

/** Chats that exist in this process's memory only: no row, no journal, no receipt, no log event of their own. */
export class TemporaryChats implements MemoryCalls {
  /** The one that was used last stands last. */
  readonly #chats = new Map<string, TemporaryChat>();

  hasChat(chatId: string): boolean {
    return this.#chats.has(chatId);
  }

  hasMessage(messageId: string): boolean {
    return this.#withMessage(messageId) !== undefined;
  }

  hasRun(runId: string): boolean {
    return this.#withRun(runId) !== undefined;
  }

  async createChat(owner: string, chat: NewChat): Promise<Chat> {
    if (this.#chats.size >= mostChats) this.#makeRoom();
    const made = newTemporaryChat(owner, chat);
    this.#chats.set(chat.id, made);
    return made.chat;
  }

  async getChat(owner: string, chatId: string): Promise<Chat | null> {
    return this.#use(owner, chatId)?.chat ?? null;
  }

  async openChat(owner: string, chatId: string): Promise<OpenedChat | null> {
    const found = this.#use(owner, chatId);
    if (!found) return null;
    return { chat: found.chat, messages: [...found.messages], runs: unfinishedRuns(found).map(plainRun) };
  }

  async updateChat(
    ...[owner, { chatId, version, change }]: Parameters<MemoryCalls['updateChat']>
  ): Promise<Chat> {
    const found = this.#find(owner, chatId);
    requireVersion('chat', version, found.chat);
    return (found.chat = { ...found.chat, ...change, version: found.chat.version + 1 });
  }

  async setActiveLeaf(
    ...[owner, { chatId, leafId }]: Parameters<MemoryCalls['setActiveLeaf']>
  ): Promise<Chat> {
    const found = this.#find(owner, chatId);
    if (leafId !== null) messageIn(found, leafId);
    return (found.chat = { ...found.chat, activeLeafId: leafId });
  }

  async getMessage(owner: string, messageId: string): Promise<ChatMessage | null> {
    const found = this.#withMessage(messageId);
    return found?.owner === owner ? messageIn(found, messageId) : null;
  }

  async addMessage(
    ...[owner, { chatId, message }]: Parameters<MemoryCalls['addMessage']>
  ): Promise<ChatMessage> {
    return addMessage(this.#find(owner, chatId), message);
  }

  async updateMessage(
    ...[owner, { messageId, version, change }]: Parameters<MemoryCalls['updateMessage']>
  ): Promise<ChatMessage> {
    const { found, message } = this.checkMessage(owner, { messageId, version });
    return replaceMessage(found, { ...message, ...change, version: message.version + 1 });
  }

  /** Rejects what `updateMessage` would. */
  checkMessage(
    owner: string,
    { messageId, version }: { messageId: string; version: number },
  ): { found: TemporaryChat; message: ChatMessage } {
    const found = this.#withMessage(messageId);
    if (found?.owner !== owner) throw notFound('message');
    const message = messageIn(found, messageId);
    requireVersion('message', version, message);
    return { found, message };
  }

  async acceptRuns(owner: string, write: AcceptRuns): Promise<AcceptedRuns> {
    return acceptRuns(this.#find(owner, write.chatId), write);
  }

  async acceptedBefore(
    ...[owner, idempotency]: Parameters<MemoryCalls['acceptedBefore']>
  ): Promise<AcceptedRuns | null> {
    const found = this.#where((chat) => chat.owner === owner && chat.accepted.has(idempotency.key));
    return found ? acceptedBefore(found, idempotency) : null;
  }

  async getRun(owner: string, runId: string): Promise<RunRecord | null> {
    const found = this.#withRun(runId);
    return found?.owner === owner ? (found.runs.get(runId) ?? null) : null;
  }

  async updateRun(...[owner, { runId, phase, state }]: Parameters<MemoryCalls['updateRun']>): Promise<void> {
    const { found, run } = this.#run(owner, runId);
    found.runs.set(runId, { ...run, phase: phase ?? run.phase, state: state ?? run.state });
  }

  raiseEpoch(owner: string, runId: string): RunRecord {
    const { found, run } = this.#run(owner, runId);
    return raiseEpoch(found, run);
  }

  append(entry: JournalEntry): void {
    const { found, run } = this.#run(entry.owner, entry.runId);
    appendText(found, run, entry);
  }

  async finishRun(owner: string, write: FinishRun): Promise<boolean> {
    const { found, run } = this.#run(owner, write.runId);
    return finishRun(found, run, write);
  }

  /** A chat; or of a chat one message with all below it, or (`clear`) all messages. */
  forget(owner: string, what: { chatId: string; messageId?: string; clear?: boolean }): void {
    const found = this.#find(owner, what.chatId);
    if (what.messageId === undefined && what.clear !== true) this.#chats.delete(what.chatId);
    else removeMessages(found, what.messageId);
  }

  forgetAll(owner: string): string[] {
    const gone = [...this.#chats].filter(([, found]) => found.owner === owner).map(([id]) => id);
    for (const id of gone) this.#chats.delete(id);
    return gone;
  }

  #find(owner: string, chatId: string): TemporaryChat {
    const found = this.#use(owner, chatId);
    if (!found) throw notFound('chat');
    return found;
  }

  #use(owner: string, chatId: string): TemporaryChat | undefined {
    const found = this.#chats.get(chatId);
    if (found?.owner !== owner) return undefined;
    this.#chats.delete(chatId);
    this.#chats.set(chatId, found);
    return found;
  }

  /** One that is being answered goes only where all are. */
  #makeRoom(): void {
    const goes = this.#where((found) => unfinishedRuns(found).length === 0) ?? this.#where(() => true);
    if (goes) this.#chats.delete(goes.chat.id);
  }

  #run(owner: string, runId: string): { found: TemporaryChat; run: RunRecord } {
    const found = this.#withRun(runId);
    const run = found?.runs.get(runId);
    if (!found || !run || found.owner !== owner) throw notFound('run');
    return { found, run };
  }

  #withMessage(messageId: string): TemporaryChat | undefined {
    return this.#where((found) => found.messages.some((message) => message.id === messageId));
  }

  #withRun(runId: string): TemporaryChat | undefined {
    return this.#where((found) => found.runs.has(runId));
  }

  #where(test: (found: TemporaryChat) => boolean): TemporaryChat | undefined {
    return [...this.#chats.values()].find(test);
  }
}

function unfinishedRuns(found: TemporaryChat): RunRecord[] {
  return [...found.runs.values()].filter((run) => run.phase !== 'ended');
}
