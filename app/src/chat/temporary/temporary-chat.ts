import type { Chat, ChatMessage } from '../../contracts/chats.ts';
import { leafAfterLoss, subtreeIds } from '../../lib/message-tree.ts';
import type { NewChat, NewMessage } from '../../store/chat-store.ts';
import type { RunRecord } from '../../store/run-store.ts';
import type { AcceptedIds } from '../../store/schema.ts';
import { notFound } from '../refusals.ts';

/** One conversation in memory. Objects in it are replaced, never changed: what was handed out stays as it was. */
export interface TemporaryChat {
  owner: string;
  chat: Chat;
  messages: ChatMessage[];
  runs: Map<string, RunRecord>;
  /** What each idempotency key led to. */
  accepted: Map<string, AcceptedIds & { requestHash: string }>;
}

export function newTemporaryChat(owner: string, wanted: NewChat): TemporaryChat {
  const chat: Chat = {
    ...wanted,
    tags: wanted.tags ?? [],
    pinned: false,
    temporary: true,
    version: 1,
    activeLeafId: null,
    messageCount: 0,
    updatedAt: wanted.createdAt,
    trashedAt: null,
  };
  return { owner, chat, messages: [], runs: new Map(), accepted: new Map() };
}

export function messageIn(found: TemporaryChat, messageId: string): ChatMessage {
  const message = found.messages.find((candidate) => candidate.id === messageId);
  if (!message) throw notFound('message');
  return message;
}

export function replaceMessage(found: TemporaryChat, message: ChatMessage): ChatMessage {
  const index = found.messages.findIndex((candidate) => candidate.id === message.id);
  if (index >= 0) found.messages[index] = message;
  return message;
}

/** Adds it and shows it. */
export function addMessage(found: TemporaryChat, message: NewMessage): ChatMessage {
  const made: ChatMessage = {
    id: message.id,
    chatId: found.chat.id,
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
  found.messages.push(made);
  const messageCount = found.messages.length;
  found.chat = { ...found.chat, activeLeafId: made.id, messageCount, updatedAt: message.createdAt };
  return made;
}

/** One message with all below it; without one, all messages. Their runs go along, so what still comes is refused. */
export function removeMessages(found: TemporaryChat, messageId?: string): void {
  const gone =
    messageId === undefined
      ? new Set(found.messages.map((message) => message.id))
      : subtreeIds(found.messages, messageId);
  const activeLeafId = leafAfterLoss(found.messages, gone, found.chat.activeLeafId);
  found.messages = found.messages.filter((message) => !gone.has(message.id));
  for (const run of found.runs.values()) if (gone.has(run.messageId)) found.runs.delete(run.id);
  found.chat = { ...found.chat, activeLeafId, messageCount: found.messages.length };
}
