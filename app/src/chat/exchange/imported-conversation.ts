import { createHash } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
import {
  maxMessageCharacters,
  maxSystemPromptCharacters,
  maxTitleCharacters,
  type Chat,
  type ChatMessage,
  type ChatSettings,
  type Feedback,
} from '../../contracts/chats.ts';
import type { Role } from '../../contracts/messages.ts';
import type { Receipt } from '../../contracts/runs.ts';
import { cutText } from '../../lib/cut-text.ts';
import type { NewMessage } from '../../store/chat-store.ts';
import type { ImportedChat } from '../../store/exchange-store.ts';
import { toImportedRuns } from './imported-runs.ts';

/** Every foreign format is read into this first. */
export interface Conversation {
  title: string;
  createdAt: number | null;
  updatedAt: number | null;
  settings?: ChatSettings;
  folder?: string | null;
  tags?: string[];
  pinned?: boolean;
  messages: ConversationMessage[];
  /** Index of the last message of the branch that was shown; absent: the last message. */
  shown?: number;
  /** Of our own files only: what wrote the answers. */
  origin?: ConversationOrigin;
}

export interface ConversationMessage {
  /** Index of the message before it; null for a first one. Always smaller than its own. */
  parent: number | null;
  role: Role;
  content: string;
  createdAt: number | null;
  model?: string | null;
  pinned?: boolean;
  feedback?: Feedback | null;
}

/** How answers came about, with the ids of where that was. */
export interface ConversationOrigin {
  titleSource: Chat['titleSource'] | undefined;
  /** In the order of the messages. */
  messages: Partial<Pick<ChatMessage, 'id' | 'state' | 'runId' | 'outcome'>>[];
  receipts: Receipt[];
  /** Why receipts of the file are not among them. */
  unreadable: string[];
}

export type ImportFormat = 'corral' | 'chat_history' | 'chat_history_pairs' | 'chatgpt' | 'open_webui';

export interface ParsedImport {
  format: ImportFormat;
  /** With their place in the file. */
  conversations: { index: number; conversation: Conversation }[];
  skipped: { index: number; reason: string }[];
}

/** Chats in one file: more than a busy person writes in a lifetime, and still little memory. */
export const mostConversations = 100_000;
/** Messages in one chat: keeps one transaction and one opened chat within reason. */
export const mostMessages = 50_000;

/** Reads each entry of a list; one that is not as it should be is named and costs the others nothing. */
export function readEach<Schema extends z.ZodType>(
  format: ImportFormat,
  list: readonly unknown[],
  how: { schema: Schema; toConversation: (entry: z.infer<Schema>) => Conversation },
): ParsedImport {
  const parsed: ParsedImport = { format, conversations: [], skipped: [] };
  for (const [index, item] of list.entries()) {
    const entry = how.schema.safeParse(item);
    if (entry.success) parsed.conversations.push({ index, conversation: how.toConversation(entry.data) });
    else {
      const [issue] = entry.error.issues;
      const reason = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a chat'}`;
      parsed.skipped.push({ index, reason });
    }
  }
  return parsed;
}

/** The last moment that a date can name. */
export const lastTime = 8.64e15;

/** Seconds in some exports, milliseconds in others; no chat is from before 1973. Null: it names no moment. */
export function milliseconds(time: number | null | undefined): number | null {
  if (time === null || time === undefined || !Number.isFinite(time) || time < 0) return null;
  const said = Math.round(time > 100_000_000_000 ? time : time * 1000);
  return said > lastTime ? null : said;
}

/** Null where it can be taken; else why not. */
export function reasonToSkip(conversation: Conversation): string | null {
  if (conversation.messages.length === 0) return 'it holds no messages';
  if (conversation.messages.length > mostMessages)
    return `it holds ${conversation.messages.length} messages; at most ${mostMessages} are taken`;
  const long = conversation.messages.find((message) => message.content.length > maxMessageCharacters);
  return long
    ? `a message of it has ${long.content.length} characters; at most ${maxMessageCharacters} are taken`
    : null;
}

/** A chat for the store. The same conversation always gets the same key, so it is taken in once. */
export function toImportedChat(
  { origin, ...conversation }: Conversation,
  format: ImportFormat,
  now: number,
): ImportedChat {
  const chat = toChat(conversation, { now, titleSource: origin?.titleSource });
  const taken = toMessages(conversation.messages, chat.createdAt);
  const { runs, messages } = origin
    ? toImportedRuns(origin, { chatId: chat.id, messages: taken })
    : { runs: [], messages: taken };
  return {
    chat,
    messages,
    activeLeafId: messages[conversation.shown ?? messages.length - 1]?.id ?? null,
    runs,
    // Without the origin, which names ids: a file that comes back from another server is the same.
    importKey: `${format}:${createHash('sha256').update(JSON.stringify(conversation)).digest('hex')}`,
  };
}

function toChat(
  conversation: Conversation,
  { now, titleSource = 'import' }: { now: number; titleSource: Chat['titleSource'] | undefined },
): ImportedChat['chat'] {
  const createdAt = conversation.createdAt ?? now;
  const title = cutText(conversation.title.trim(), maxTitleCharacters);
  return {
    id: uuidv7(),
    title,
    titleSource: title === '' ? 'none' : titleSource,
    folder: conversation.folder ?? null,
    tags: conversation.tags ?? [],
    settings: conversation.settings ?? {},
    createdAt,
    updatedAt: conversation.updatedAt ?? createdAt,
    pinned: conversation.pinned ?? false,
  };
}

function toMessages(list: readonly ConversationMessage[], createdAt: number): NewMessage[] {
  const ids = list.map(() => uuidv7());
  return list.map((message, index) => ({
    id: ids[index] ?? uuidv7(),
    parentId: message.parent === null ? null : (ids[message.parent] ?? null),
    role: message.role,
    content: message.content,
    createdAt: message.createdAt ?? createdAt,
    model: message.model ?? null,
    pinned: message.pinned ?? false,
    feedback: message.feedback ?? null,
  }));
}

/** Leading system messages become the chat's system prompt, as they are one. */
export function liftSystemPrompt(conversation: Conversation): Conversation {
  const [first, ...others] = conversation.messages;
  if (first?.role !== 'system' || first.parent !== null) return conversation;
  if (others.some((message) => message.parent === null)) return conversation;
  return {
    ...conversation,
    settings: { ...conversation.settings, systemPrompt: cutText(first.content, maxSystemPromptCharacters) },
    messages: others.map((message) => ({
      ...message,
      parent: message.parent === 0 || message.parent === null ? null : message.parent - 1,
    })),
    ...(conversation.shown === undefined ? {} : { shown: conversation.shown - 1 }),
  };
}
