import { z } from 'zod';
import type { Conversation, ConversationMessage, ParsedImport } from './imported-conversation.ts';
import { readTree } from './read-tree.ts';

const messageSchema = z.object({
  parentId: z.string().nullish(),
  role: z.string(),
  content: z.string().default(''),
  timestamp: z.number().nullish(),
  model: z.string().nullish(),
});

const entrySchema = z.object({
  title: z.string().nullish(),
  created_at: z.number().nullish(),
  updated_at: z.number().nullish(),
  pinned: z.boolean().nullish(),
  chat: z.object({
    title: z.string().nullish(),
    system: z.string().nullish(),
    history: z.object({ messages: z.record(z.string(), messageSchema), currentId: z.string().nullish() }),
  }),
});
type Entry = z.infer<typeof entrySchema>;

/** Open WebUI's export: a list of chats, each with a tree in `chat.history`. */
export function readOpenWebUi(data: unknown): ParsedImport | null {
  const list = Array.isArray(data) ? data : [data];
  const looksLike = (item: unknown): boolean =>
    typeof item === 'object' && item !== null && 'chat' in item && !('mapping' in item);
  if (!list.some(looksLike)) return null;
  const parsed: ParsedImport = { format: 'open_webui', conversations: [], skipped: [] };
  for (const [index, item] of list.entries()) {
    const entry = entrySchema.safeParse(item);
    if (entry.success) parsed.conversations.push({ index, conversation: conversationOf(entry.data) });
    else {
      const [issue] = entry.error.issues;
      parsed.skipped.push({
        index,
        reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a chat'}`,
      });
    }
  }
  return parsed;
}

function conversationOf(entry: Entry): Conversation {
  const { history, system } = entry.chat;
  const children = Map.groupBy(Object.keys(history.messages), (id) => {
    const parentId = history.messages[id]?.parentId ?? '';
    return history.messages[parentId] ? parentId : '';
  });
  const { messages, placeOf } = readTree({
    rootIds: children.get('') ?? [],
    childrenOf: (id) => children.get(id) ?? [],
    read: (id, parent) => messageOf(history.messages[id], parent),
  });
  const shown = placeOf(history.currentId);
  return {
    title: entry.title ?? entry.chat.title ?? '',
    createdAt: milliseconds(entry.created_at),
    updatedAt: milliseconds(entry.updated_at),
    pinned: entry.pinned ?? false,
    ...(system ? { settings: { systemPrompt: system.slice(0, 200_000) } } : {}),
    messages,
    ...(shown === undefined ? {} : { shown }),
  };
}

function messageOf(
  said: z.infer<typeof messageSchema> | undefined,
  parent: number | null,
): ConversationMessage | null {
  if (!said || said.content === '' || (said.role !== 'user' && said.role !== 'assistant')) return null;
  const { content, role, model } = said;
  return { parent, role, content, createdAt: milliseconds(said.timestamp), model: model ?? null };
}

/** Seconds in some versions, milliseconds in others; no chat is from before 1973. */
function milliseconds(time: number | null | undefined): number | null {
  if (time === null || time === undefined || !Number.isFinite(time) || time < 0) return null;
  return Math.round(time > 100_000_000_000 ? time : time * 1000);
}
