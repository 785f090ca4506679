import { z } from 'zod';
import { contentSchema, textOf } from './chatgpt-content.ts';
import { withoutMarks } from './chatgpt-marks.ts';
import {
  milliseconds,
  readEach,
  type Conversation,
  type ConversationMessage,
  type ParsedImport,
} from './imported-conversation.ts';
import { readTree } from './read-tree.ts';
import { listOf } from './list-of.ts';

const nodeSchema = z.object({
  parent: z.string().nullish(),
  children: listOf(z.string()).default([]),
  message: z
    .object({
      author: z.object({ role: z.string() }),
      /** Of a call of a tool the tool; of what people read `all`. */
      recipient: z.string().nullish(),
      create_time: z.number().nullish(),
      content: contentSchema,
      metadata: z
        .object({
          model_slug: z.string().optional(),
          is_visually_hidden_from_conversation: z.boolean().optional(),
        })
        .optional(),
    })
    .nullish(),
});
type Node = z.infer<typeof nodeSchema>;
type Message = NonNullable<Node['message']>;

const conversationSchema = z.object({
  title: z.string().nullish(),
  create_time: z.number().nullish(),
  update_time: z.number().nullish(),
  current_node: z.string().nullish(),
  mapping: z.record(z.string(), nodeSchema),
});

/** `conversations.json` of ChatGPT's export: a list of trees. Tool calls and hidden messages are left out. */
export function readChatGpt(data: unknown): ParsedImport | null {
  const list = Array.isArray(data) ? data : [data];
  const looksLike = (item: unknown): boolean =>
    typeof item === 'object' && item !== null && 'mapping' in item;
  if (list.length === 0 || !list.some(looksLike)) return null;
  return readEach('chatgpt', list, { schema: conversationSchema, toConversation: conversationOf });
}

function conversationOf(known: z.infer<typeof conversationSchema>): Conversation {
  const { mapping } = known;
  const { messages, placeOf } = readTree({
    rootIds: Object.keys(mapping).filter((id) => !mapping[mapping[id]?.parent ?? '']),
    childrenOf: (id) => mapping[id]?.children ?? [],
    read: (id, parent) => readMessage(mapping[id], parent),
  });
  const shown = placeOf(known.current_node);
  return {
    title: known.title ?? '',
    createdAt: milliseconds(known.create_time),
    updatedAt: milliseconds(known.update_time),
    messages,
    ...(shown === undefined ? {} : { shown }),
  };
}

function readMessage(node: Node | undefined, parent: number | null): ConversationMessage | null {
  const message = node?.message;
  const role = message ? roleOf(message) : null;
  if (!message || !role) return null;
  const text = textOf(message.content);
  const content = role === 'assistant' ? withoutMarks(text) : text;
  if (content === '') return null;
  return {
    parent,
    role,
    content,
    createdAt: milliseconds(message.create_time),
    model: message.metadata?.model_slug ?? null,
  };
}

/** Null of what people neither wrote nor read. */
function roleOf({ author, recipient, metadata }: Message): 'user' | 'assistant' | null {
  if (metadata?.is_visually_hidden_from_conversation === true) return null;
  if (author.role === 'user') return 'user';
  return author.role === 'assistant' && (recipient ?? 'all') === 'all' ? 'assistant' : null;
}
