import { AppError } from '../../contracts/app-error.ts';
import type { Chat, ChatMessage } from '../../contracts/chats.ts';
import type { NewChat, NewMessage, OpenedChat } from '../../store/chat-store.ts';
import type {
  AcceptedAnswer,
  AcceptedRuns,
  AcceptRuns,
  FinishRun,
  JournalEntry,
  RunRecord,
} from '../../store/run-store.ts';
import type { ConversationStore } from '../conversation-store.ts';
import { leafAfterLoss, subtreeIds } from '../tree/message-tree.ts';

/** More than this at once is not somebody's chats but a leak; the oldest goes. */
const mostChats = 100;

interface TemporaryChat {
  owner: string;
  chat: Chat;
  messages: ChatMessage[];
  runs: Map<string, RunRecord>;
}

/** The calls of a conversation that memory answers itself; what concerns the journal has nothing to do here. */
type MemoryCalls = Omit<
  ConversationStore,
  | 'acceptedBefore'
  | 'resumeRun'
  | 'watchRun'
  | 'listReceipts'
  | 'getReceipt'
  | 'appendJournal'
  | 'readJournal'
  | 'listRuns'
>;

function notFound(what: string): AppError {
  return new AppError('not-found', `there is no such ${what}`);
}

function conflict(what: string, version: number): AppError {
  return new AppError('conflict', `the ${what} was changed meanwhile`, {
    hint: 'Load it again and repeat the change.',
    details: { version },
  });
}

/** Chats that exist in this process's memory only: no row, no journal, no receipt, no log event of their own. */
export class TemporaryChats implements MemoryCalls {
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
    const [oldest] = this.#chats.keys();
    if (this.#chats.size >= mostChats && oldest !== undefined) this.#chats.delete(oldest);
    const made: Chat = {
      ...chat,
      pinned: false,
      temporary: true,
      version: 1,
      activeLeafId: null,
      messageCount: 0,
      updatedAt: chat.createdAt,
      trashedAt: null,
    };
    this.#chats.set(chat.id, { owner, chat: made, messages: [], runs: new Map() });
    return made;
  }

  async getChat(owner: string, chatId: string): Promise<Chat | null> {
    const found = this.#chats.get(chatId);
    return found?.owner === owner ? found.chat : null;
  }

  async openChat(owner: string, chatId: string): Promise<OpenedChat | null> {
    const found = this.#chats.get(chatId);
    if (found?.owner !== owner) return null;
    const runs = [...found.runs.values()].filter((run) => run.phase !== 'ended').map(plainRun);
    return { chat: found.chat, messages: [...found.messages], runs };
  }

  async updateChat(
    ...[owner, { chatId, version, change }]: Parameters<MemoryCalls['updateChat']>
  ): Promise<Chat> {
    const found = this.#find(owner, chatId);
    if (found.chat.version > version) throw conflict('chat', found.chat.version);
    return (found.chat = { ...found.chat, ...change, version: found.chat.version + 1 });
  }

  async setActiveLeaf(
    ...[owner, { chatId, leafId }]: Parameters<MemoryCalls['setActiveLeaf']>
  ): Promise<Chat> {
    const found = this.#find(owner, chatId);
    if (leafId !== null) messageIn(found, owner, leafId);
    return (found.chat = { ...found.chat, activeLeafId: leafId });
  }

  async getMessage(owner: string, messageId: string): Promise<ChatMessage | null> {
    const found = this.#withMessage(messageId);
    return found?.owner === owner ? messageIn(found, owner, messageId) : null;
  }

  async addMessage(
    ...[owner, { chatId, message }]: Parameters<MemoryCalls['addMessage']>
  ): Promise<ChatMessage> {
    return add(this.#find(owner, chatId), message);
  }

  async updateMessage(
    ...[owner, { messageId, version, change }]: Parameters<MemoryCalls['updateMessage']>
  ): Promise<ChatMessage> {
    const found = this.#withMessage(messageId);
    const message = messageIn(found, owner, messageId);
    if (message.version > version) throw conflict('message', message.version);
    return replace(found, { ...message, ...change, version: message.version + 1 });
  }

  async acceptRuns(owner: string, write: AcceptRuns): Promise<AcceptedRuns> {
    const found = this.#find(owner, write.chatId);
    if (write.parent) {
      const parent = messageIn(found, owner, write.parent.id);
      if (parent.version > write.parent.version) throw conflict('message', parent.version);
    }
    const userMessage = write.userMessage ? add(found, write.userMessage) : null;
    const parentId = userMessage?.id ?? write.parent?.id ?? null;
    const answers = write.answers.map((answer) => acceptOne(found, answer, { parentId, now: write.now }));
    const activeLeafId = answers[0]?.message.id ?? found.chat.activeLeafId;
    found.chat = { ...found.chat, activeLeafId };
    return { chat: found.chat, userMessage, answers, repeated: false };
  }

  async getRun(owner: string, runId: string): Promise<RunRecord | null> {
    const found = this.#withRun(runId);
    return found?.owner === owner ? (found.runs.get(runId) ?? null) : null;
  }

  async updateRun(...[owner, { runId, phase, state }]: Parameters<MemoryCalls['updateRun']>): Promise<void> {
    const { found, run } = this.#run(owner, runId);
    found.runs.set(runId, { ...run, phase: phase ?? run.phase, state: state ?? run.state });
  }

  /** The engine went away under it. All that was shown is in the caller's memory, so watchers cut nothing back. */
  raiseEpoch(owner: string, runId: string): RunRecord {
    const { found, run } = this.#run(owner, runId);
    const raised = {
      ...run,
      epoch: run.epoch + 1,
      engineCrashes: run.engineCrashes + 1,
      resumedAt: [...run.resumedAt, Number.MAX_SAFE_INTEGER],
    };
    found.runs.set(runId, raised);
    return raised;
  }

  /** What a journal would keep: the text so far, in the message itself. */
  append({ owner, runId, offset, text }: JournalEntry): void {
    const { found, run } = this.#run(owner, runId);
    const message = messageIn(found, owner, run.messageId);
    const content = message.content.slice(0, offset) + text;
    replace(found, { ...message, content });
    found.runs.set(runId, { ...run, durableOffset: content.length });
  }

  async finishRun(owner: string, write: FinishRun): Promise<boolean> {
    const { found, run } = this.#run(owner, write.runId);
    if (run.phase === 'ended') return false;
    const message = messageIn(found, owner, run.messageId);
    const content = message.content.slice(0, write.tail.offset) + write.tail.text;
    const version = message.version + 1;
    replace(found, { ...message, content, state: write.messageState, outcome: write.outcome, version });
    found.runs.set(run.id, {
      ...run,
      phase: 'ended',
      durableOffset: content.length,
      endReason: write.endReason,
      error: write.error,
      endedAt: write.now,
    });
    return true;
  }

  /** A chat; or of a chat one message with all below it, or (`clear`) all messages. */
  forget(owner: string, what: { chatId: string; messageId?: string; clear?: boolean }): void {
    const found = this.#find(owner, what.chatId);
    if (what.messageId === undefined && what.clear !== true) {
      this.#chats.delete(what.chatId);
      return;
    }
    const gone =
      what.messageId === undefined
        ? new Set(found.messages.map((message) => message.id))
        : subtreeIds(found.messages, what.messageId);
    const activeLeafId = leafAfterLoss(found.messages, gone, found.chat.activeLeafId);
    found.messages = found.messages.filter((message) => !gone.has(message.id));
    found.chat = { ...found.chat, activeLeafId, messageCount: found.messages.length };
  }

  forgetAll(owner: string): string[] {
    const gone = [...this.#chats].filter(([, found]) => found.owner === owner).map(([id]) => id);
    for (const id of gone) this.#chats.delete(id);
    return gone;
  }

  #find(owner: string, chatId: string): TemporaryChat {
    const found = this.#chats.get(chatId);
    if (found?.owner !== owner) throw notFound('chat');
    return found;
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

function messageIn(found: TemporaryChat | undefined, owner: string, messageId: string): ChatMessage {
  const message = found?.messages.find((candidate) => candidate.id === messageId);
  if (!message || found?.owner !== owner) throw notFound('message');
  return message;
}

function replace(chat: TemporaryChat | undefined, message: ChatMessage): ChatMessage {
  const index = chat?.messages.findIndex((candidate) => candidate.id === message.id) ?? -1;
  if (chat && index >= 0) chat.messages[index] = message;
  return message;
}

function add(chat: TemporaryChat, message: NewMessage): ChatMessage {
  const made: ChatMessage = {
    id: message.id,
    chatId: chat.chat.id,
    parentId: message.parentId,
    role: message.role,
    content: message.content,
    state: message.state ?? 'complete',
    runId: null,
    model: message.model ?? null,
    outcome: null,
    pinned: message.pinned ?? false,
    feedback: message.feedback ?? null,
    version: 1,
    createdAt: message.createdAt,
  };
  chat.messages.push(made);
  chat.chat = {
    ...chat.chat,
    activeLeafId: made.id,
    messageCount: chat.messages.length,
    updatedAt: message.createdAt,
  };
  return made;
}

function acceptOne(
  chat: TemporaryChat,
  answer: AcceptedAnswer,
  at: { parentId: string | null; now: number },
): AcceptedRuns['answers'][number] {
  const { target } = answer;
  const base =
    target.kind === 'new'
      ? add(chat, {
          id: target.messageId,
          parentId: at.parentId,
          role: 'assistant',
          content: '',
          createdAt: at.now,
          model: target.model,
        })
      : messageIn(chat, chat.owner, target.messageId);
  const message = replace(chat, {
    ...base,
    runId: answer.runId,
    state: 'running',
    outcome: null,
    version: target.kind === 'new' ? 1 : base.version + 1,
  });
  const run: RunRecord = {
    id: answer.runId,
    owner: chat.owner,
    chatId: chat.chat.id,
    messageId: message.id,
    phase: 'accepted',
    epoch: 1,
    startOffset: message.content.length,
    durableOffset: message.content.length,
    settings: answer.settings,
    endReason: null,
    error: null,
    createdAt: at.now,
    endedAt: null,
    state: answer.state,
    engineCrashes: 0,
    resumedAt: [],
  };
  chat.runs.set(run.id, run);
  return { run: plainRun(run), message };
}

function plainRun(record: RunRecord): AcceptedRuns['answers'][number]['run'] {
  const { owner: _owner, state: _state, engineCrashes: _crashes, resumedAt: _resumed, ...run } = record;
  return run;
}
