import { z } from 'zod';
import { maxSystemPromptCharacters, tagsSchema } from '../../contracts/chats.ts';
import { cutText } from '../../lib/cut-text.ts';
import {
  milliseconds,
  readEach,
  type Conversation,
  type ConversationMessage,
  type ParsedImport,
} from './imported-conversation.ts';
import { readTree } from './read-tree.ts';
import { listOf } from './list-of.ts';

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
  meta: z
    .object({ tags: listOf(z.string()).catch([]).optional() })
    .nullish()
    .catch(null),
  chat: z.object({
    title: z.string().nullish(),
    /** A copy of the account's, which the chat's own in `params` goes before. */
    system: z.string().nullish(),
    params: z.object({ system: z.string().nullish() }).nullish().catch(null),
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
  return readEach('open_webui', list, { schema: entrySchema, toConversation: conversationOf });
}

function conversationOf(entry: Entry): Conversation {
  const { history } = entry.chat;
  const tags = tagsSchema.catch([]).parse(entry.meta?.tags ?? []);
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
    ...(tags.length > 0 ? { tags } : {}),
    ...settingsOf(entry.chat),
    messages,
    ...(shown === undefined ? {} : { shown }),
  };
}

function settingsOf({ system, params }: Entry['chat']): Pick<Conversation, 'settings'> {
  const prompt = params?.system ?? system;
  return prompt ? { settings: { systemPrompt: cutText(prompt, maxSystemPromptCharacters) } } : {};
}

function messageOf(
  said: z.infer<typeof messageSchema> | undefined,
  parent: number | null,
): ConversationMessage | null {
  if (!said || said.content === '' || (said.role !== 'user' && said.role !== 'assistant')) return null;
  const { content, role, model } = said;
  return { parent, role, content, createdAt: milliseconds(said.timestamp), model: model ?? null };
}
