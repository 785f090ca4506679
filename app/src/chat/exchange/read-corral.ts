import { z } from 'zod';
import { AppError } from '../../contracts/app-error.ts';
import { chatMessageSchema, chatSchema, tagsSchema } from '../../contracts/chats.ts';
import { receiptSchema, type Receipt } from '../../contracts/runs.ts';
import {
  lastTime,
  readEach,
  type Conversation,
  type ConversationOrigin,
  type ParsedImport,
} from './imported-conversation.ts';
import { listOf } from './list-of.ts';

/** Raised when a reader of an older one could no longer understand it. */
export const corralFormatVersion = 1;

/** What the columns hold: PostgreSQL refuses more, and with it every move of such a chat there. */
const mostCharacters = 2_147_483_647;
/** A chat or message whose time names no moment is taken without it. */
const timeSchema = z.int().min(0).max(lastTime).optional().catch(undefined);
const offsetSchema = z.int().min(0).max(mostCharacters);

const fileSchema = z.object({
  format: z.literal('corral'),
  version: z.int().min(1),
  chats: z.array(z.unknown()),
});
const entrySchema = z.object({
  chat: z
    .object(chatSchema.shape)
    .partial()
    .extend({
      title: z.string(),
      tags: tagsSchema.catch([]).optional(),
      createdAt: timeSchema,
      updatedAt: timeSchema,
    }),
  messages: listOf(
    z
      .object(chatMessageSchema.shape)
      .partial()
      .required({ id: true, parentId: true, role: true, content: true })
      .extend({ createdAt: timeSchema }),
  ),
  /** Each is looked at alone: one that is not understood costs no chat. */
  receipts: z.array(z.unknown()).default([]),
});
const entryReceiptSchema = receiptSchema.extend({
  createdAt: z.int().min(0).max(lastTime),
  startOffset: offsetSchema,
  endOffset: offsetSchema,
});

/** Our own JSON, with the whole tree and every receipt. */
export function readCorral(data: unknown): ParsedImport | null {
  const file = fileSchema.safeParse(data);
  if (!file.success) return null;
  if (file.data.version > corralFormatVersion)
    throw new AppError(
      'file-invalid',
      `the file was written by a newer Corral (format ${file.data.version})`,
      {
        hint: 'Update Corral, or export from the newer one as chat_history.',
      },
    );
  return readEach('corral', file.data.chats, { schema: entrySchema, toConversation: conversationOf });
}

function conversationOf({ chat, messages, receipts }: z.infer<typeof entrySchema>): Conversation {
  const indexById = new Map<string, number>();
  const read = messages.map((message, index) => {
    const parent = message.parentId === null ? null : (indexById.get(message.parentId) ?? null);
    indexById.set(message.id, index);
    return {
      parent,
      role: message.role,
      content: message.content,
      createdAt: message.createdAt ?? null,
      model: message.model ?? null,
      pinned: message.pinned ?? false,
      feedback: message.feedback ?? null,
    };
  });
  const shown = indexById.get(chat.activeLeafId ?? '');
  return {
    title: chat.title,
    createdAt: chat.createdAt ?? null,
    updatedAt: chat.updatedAt ?? null,
    settings: chat.settings ?? {},
    folder: chat.folder ?? null,
    ...(chat.tags && chat.tags.length > 0 ? { tags: chat.tags } : {}),
    pinned: chat.pinned ?? false,
    messages: read,
    ...(shown === undefined ? {} : { shown }),
    origin: { titleSource: chat.titleSource, messages, ...readReceipts(receipts, indexById) },
  };
}

function readReceipts(
  list: readonly unknown[],
  messages: ReadonlyMap<string, number>,
): Pick<ConversationOrigin, 'receipts' | 'unreadable'> {
  const receipts: Receipt[] = [];
  const unreadable: string[] = [];
  for (const item of list) {
    const { data, error } = entryReceiptSchema.safeParse(item);
    const [issue] = error?.issues ?? [];
    if (!data) unreadable.push(`a receipt of it: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
    else if (!messages.has(data.messageId)) unreadable.push('a receipt of it is of no message of the chat');
    else receipts.push(data);
  }
  return { receipts, unreadable };
}
