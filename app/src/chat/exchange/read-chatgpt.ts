import { z } from 'zod';
import {
  milliseconds,
  readEach,
  type Conversation,
  type ConversationMessage,
  type ParsedImport,
} from './imported-conversation.ts';
import { readTree } from './read-tree.ts';

const nodeSchema = z.object({
  parent: z.string().nullish(),
  children: z.array(z.string()).default([]),
  message: z
    .object({
      author: z.object({ role: z.string() }),
      create_time: z.number().nullish(),
      content: z.object({
        content_type: z.string().optional(),
        parts: z.array(z.unknown()).optional(),
        text: z.string().optional(),
      }),
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
  if (!message || message.metadata?.is_visually_hidden_from_conversation === true) return null;
  const { role } = message.author;
  if (role !== 'user' && role !== 'assistant') return null;
  const content = textOf(message.content);
  if (content === '') return null;
  return {
    parent,
    role,
    content,
    createdAt: milliseconds(message.create_time),
    model: message.metadata?.model_slug ?? null,
  };
}

function textOf(content: NonNullable<Node['message']>['content']): string {
  if (content.parts === undefined)
    return content.content_type === 'code' ? `\`\`\`\n${content.text ?? ''}\n\`\`\`` : (content.text ?? '');
  return content.parts
    .map((part) => (typeof part === 'string' ? part : '[an attachment that was not imported]'))
    .join('\n')
    .trim();
}
