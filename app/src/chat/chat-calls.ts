import { uuidv7 } from 'uuidv7';
import { maxTitleCharacters, type Chat, type ChatMessage, type TrashEntry } from '../contracts/chats.ts';
import type { ContextPlan } from '../contracts/runs.ts';
import type { ImportedChat } from '../store/exchange-store.ts';
import type { Store } from '../store/store.ts';
import type { ChatCalls } from './chats.ts';
import { erase } from './erase.ts';
import { loggingMode } from './log/log-policy.ts';
import { notFound, requireVersion } from './refusals.ts';
import type { RunContext } from './runs/run-context.ts';
import { stopRun } from './runs/stop-run.ts';
import { checked } from './settings/settings-calls.ts';
import type { TemporaryChats } from './temporary/temporary-chats.ts';
import { cutText } from '../lib/cut-text.ts';
import { branchTo, newestLeafBelow, subtreeIds } from '../lib/message-tree.ts';

export interface ChatParts {
  context: RunContext;
  store: Store;
  temporary: TemporaryChats;
  /** Forgets the saved KV state of a chat, wherever it is; null: of all chats, those that no list knows included. */
  dropState: (stateKey: string | null) => Promise<void>;
}

const dayMs = 24 * 60 * 60 * 1000;

export function createChatCalls(parts: ChatParts): ChatCalls {
  const { context, store } = parts;
  return {
    create: (owner, wanted) => create(parts, owner, wanted),
    open: (owner, chatId, part) => open(parts, owner, { chatId, part }),
    list: (owner, filter) => store.listChats(owner, filter),
    folders: (owner) => store.listFolders(owner),
    tags: (owner) => store.listTags(owner),
    search: (owner, query) => store.searchChats(owner, query),
    update: (owner, chatId, write) => update(parts, owner, { chatId, ...write }),
    duplicate: (owner, chatId, options) => duplicate(parts, owner, { chatId, ...options }),
    trash: (owner, chatId, version) => trash(parts, owner, { chatId, ...basedOn(version) }),
    clear: (owner, chatId, version) => trash(parts, owner, { chatId, clear: true, ...basedOn(version) }),
    listTrash: (owner, page) => store.listTrash(owner, page),
    async restore(owner, trashId) {
      const chat = await store.restore(owner, trashId);
      tell(context, owner, chat, 'restored');
      return chat;
    },
    async purge(owner, trashId) {
      const { chatId } = await store.purgeTrashEntry(owner, trashId);
      // The state holds the words of a message that was taken from a chat which stays.
      await parts.dropState(chatId);
    },
    erase: (owner, what) => erase(parts, owner, what),
  };
}

async function create(
  { context, store, temporary }: ChatParts,
  owner: string,
  wanted: Parameters<ChatCalls['create']>[1],
): Promise<Chat> {
  const target = wanted.temporary === true ? temporary : store;
  const title = wanted.title?.trim() ?? '';
  const chat = await target.createChat(owner, {
    id: uuidv7(),
    title,
    titleSource: title === '' ? 'none' : 'hand',
    folder: wanted.folder ?? null,
    tags: wanted.tags ?? [],
    settings: checked(wanted.settings ?? {}),
    createdAt: context.clock.now(),
  });
  if (!chat.temporary) tell(context, owner, chat, 'created');
  return chat;
}

async function open(
  { context }: ChatParts,
  owner: string,
  { chatId, part }: { chatId: string; part: Parameters<ChatCalls['open']>[2] },
): Promise<Awaited<ReturnType<ChatCalls['open']>>> {
  const opened = await context.store.openChat(owner, chatId, part);
  if (!opened) throw notFound('chat');
  const { chat, messages, runs } = opened;
  return {
    chat,
    messages,
    whole: part === undefined || messages.length === chat.messageCount,
    activeRuns: runs.map((run) => context.live.get(run.id)?.snapshot() ?? run),
    plan: await lastPlan(context, owner, opened),
    logged: loggingMode(context.config, chat.temporary) !== 'off',
  };
}

/** What the model saw at the last answer of the shown branch. */
async function lastPlan(
  context: RunContext,
  owner: string,
  { chat, messages }: { chat: Chat; messages: readonly ChatMessage[] },
): Promise<ContextPlan | null> {
  const answer = branchTo(messages, chat.activeLeafId).findLast((message) => message.role === 'assistant');
  if (!answer) return null;
  return (await context.store.listReceipts(owner, answer.id)).at(-1)?.plan ?? null;
}

async function update(
  { context }: ChatParts,
  owner: string,
  write: { chatId: string } & Parameters<ChatCalls['update']>[2],
): Promise<Chat> {
  const { chatId } = write;
  const { activeLeafId, ...change } = write.change;
  let chat = await found(context, owner, chatId);
  const version = write.version ?? chat.version;
  requireVersion('chat', version, chat);
  // Before anything is changed: what is refused is refused as a whole.
  const leafId = activeLeafId && (await leafBelow(context, owner, { chatId, messageId: activeLeafId }));
  if (Object.keys(change).length > 0) {
    if (change.settings) checked(change.settings);
    const titled = change.title === undefined ? {} : { titleSource: 'hand' as const };
    chat = await context.store.updateChat(owner, { chatId, version, change: { ...change, ...titled } });
  }
  if (leafId) chat = await context.store.setActiveLeaf(owner, { chatId, leafId });
  tell(context, owner, chat, 'updated');
  return chat;
}

async function leafBelow(
  context: RunContext,
  owner: string,
  { chatId, messageId }: { chatId: string; messageId: string },
): Promise<string> {
  const messages = (await context.store.openChat(owner, chatId))?.messages ?? [];
  if (!messages.some(({ id }) => id === messageId)) throw notFound('message in this chat');
  return newestLeafBelow(messages, messageId);
}

async function found(context: RunContext, owner: string, chatId: string): Promise<Chat> {
  const chat = await context.store.getChat(owner, chatId);
  if (!chat) throw notFound('chat');
  return chat;
}

/** The whole tree; of a branch, or of a chat that is in memory only, the messages that are shown. */
async function duplicate(
  parts: ChatParts,
  owner: string,
  { chatId, upToMessageId }: { chatId: string; upToMessageId?: string },
): Promise<Chat> {
  const { context, store, temporary } = parts;
  const chat = await found(context, owner, chatId);
  const title = titleOfCopy(chat.title);
  const now = context.clock.now();
  if (upToMessageId === undefined && !temporary.hasChat(chatId)) {
    const copy = await store.duplicateChat(owner, { chatId, newChatId: uuidv7(), title, now });
    tell(context, owner, copy.chat, 'created');
    return copy.chat;
  }
  const opened = await context.store.openChat(owner, chatId);
  const branch = branchTo(opened?.messages ?? [], upToMessageId ?? chat.activeLeafId);
  if (branch.length === 0 && upToMessageId !== undefined) throw notFound('message in this chat');
  const newId = uuidv7();
  await store.importChats(owner, [
    copyOf(branch, { ...chat, id: newId, title, createdAt: now, updatedAt: now }),
  ]);
  const copy = await found(context, owner, newId);
  tell(context, owner, copy, 'created');
  return copy;
}

function titleOfCopy(title: string): string {
  const end = ' (copy)';
  return title === '' ? '' : cutText(title, maxTitleCharacters - end.length) + end;
}

function copyOf(branch: readonly ChatMessage[], chat: Chat): ImportedChat {
  const { id, title, titleSource, folder, tags, settings, createdAt, updatedAt } = chat;
  const ids = new Map(branch.map((message) => [message.id, uuidv7()]));
  const newId = (old: string | null | undefined): string | null => ids.get(old ?? '') ?? null;
  return {
    chat: { id, title, titleSource, folder, tags, settings, createdAt, updatedAt },
    messages: branch.map((message) => ({
      id: newId(message.id) ?? uuidv7(),
      parentId: newId(message.parentId),
      role: message.role,
      content: message.content,
      createdAt: message.createdAt,
      model: message.model,
      state: message.state === 'running' ? 'stopped' : message.state,
      pinned: message.pinned,
      feedback: message.feedback,
      outcome: message.outcome,
    })),
    activeLeafId: newId(branch.at(-1)?.id),
    importKey: `copy:${id}`,
  };
}

function basedOn(version: number | undefined): { version?: number } {
  return version === undefined ? {} : { version };
}

interface TrashWrite {
  chatId: string;
  messageId?: string;
  clear?: boolean;
  version?: number;
}

/**
 * A chat, a message with all below it, or all messages. Runs that write there are stopped first; what is refused stops
 * none.
 */
export async function trash(
  { context, store, temporary, dropState }: ChatParts,
  owner: string,
  what: TrashWrite,
): Promise<TrashEntry | null> {
  const chat = await found(context, owner, what.chatId);
  const goingIds = await messagesToGo(context, owner, { chat, ...what });
  const version = await stopWriters(context, owner, { ...what, goingIds });
  const isTemporary = temporary.hasChat(chat.id);
  // At once: whoever writes there while the state goes has written after this.
  if (isTemporary) temporary.forget(owner, what);
  if (what.messageId === undefined) await dropState(chat.id);
  if (isTemporary) return null;
  if (what.clear === true && chat.messageCount === 0) return null;
  const now = context.clock.now();
  const purgeAt = now + context.config.trashDays * dayMs;
  const { activeLeafId: _leaf, ...entry } = await store.trash(owner, {
    ...what,
    ...basedOn(version),
    trashId: uuidv7(),
    now,
    purgeAt,
  });
  const isChat = what.messageId === undefined && what.clear !== true;
  tell(context, owner, chat, isChat ? 'trashed' : 'messages');
  return entry;
}

/** Null: all of them. Rejects where what is to go is not there, or not as the caller saw it. */
async function messagesToGo(
  context: RunContext,
  owner: string,
  { chat, messageId, version }: { chat: Chat; messageId?: string; version?: number },
): Promise<ReadonlySet<string> | null> {
  if (messageId === undefined) {
    requireVersion('chat', version ?? chat.version, chat);
    return null;
  }
  const messages = (await context.store.openChat(owner, chat.id))?.messages ?? [];
  const message = messages.find(({ id }) => id === messageId);
  if (!message) throw notFound('message in this chat');
  requireVersion('message', version ?? message.version, message);
  return subtreeIds(messages, messageId);
}

/** Gives the version that the caller's has become: the end of an answer raises that of its message. */
async function stopWriters(
  context: RunContext,
  owner: string,
  { chatId, messageId, version, goingIds }: TrashWrite & { goingIds: ReadonlySet<string> | null },
): Promise<number | undefined> {
  let raised = 0;
  for (const live of context.live.values()) {
    const isThere = live.owner === owner && live.chatId === chatId;
    if (!isThere || goingIds?.has(live.messageId) === false) continue;
    await stopRun(context, owner, live.id);
    if (live.messageId === messageId) raised = 1;
  }
  return version === undefined ? undefined : version + raised;
}

export function tell(
  context: RunContext,
  owner: string,
  chat: Pick<Chat, 'id' | 'version'>,
  change: 'created' | 'updated' | 'messages' | 'trashed' | 'restored',
): void {
  const version = change === 'trashed' ? null : chat.version;
  context.notify({ type: 'chat-changed', owner, chatId: chat.id, version, change });
}
