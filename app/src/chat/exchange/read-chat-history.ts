import { z } from 'zod';
import { roleSchema } from '../../contracts/messages.ts';
import {
  liftSystemPrompt,
  type Conversation,
  type ConversationMessage,
  type ParsedImport,
} from './imported-conversation.ts';
import { listOf } from './list-of.ts';

/** Gradio writes a text as it is or as a list of parts, of which those that are no text are left out. */
const contentSchema = z.union([
  z.string(),
  listOf(z.looseObject({ type: z.string(), text: z.string().optional() })).transform((parts) =>
    parts.flatMap((part) => part.text ?? []).join('\n'),
  ),
]);
const turnSchema = z.object({ role: roleSchema, content: contentSchema });
const pairSchema = z.tuple([z.string().nullable(), z.string().nullable()]);
const turnsSchema = listOf(turnSchema);
const pairsSchema = listOf(pairSchema);

/** `{session: [{role, content}, …]}`, `{session: [[user, assistant], …]}`, or one session's list alone, as Gradio's too. */
export function readChatHistory(data: unknown): ParsedImport | null {
  if (Array.isArray(data)) {
    const alone = readSession('', data);
    return (
      alone && {
        format: alone.format,
        conversations: [{ index: 0, conversation: alone.conversation }],
        skipped: [],
      }
    );
  }
  if (typeof data !== 'object' || data === null) return null;
  const parsed: ParsedImport = { format: 'chat_history', conversations: [], skipped: [] };
  for (const [index, [name, value]] of Object.entries(data).entries()) {
    const session = readSession(name, value);
    if (!session)
      parsed.skipped.push({
        index,
        reason: `session ${JSON.stringify(name.slice(0, 80))} is no list of messages`,
      });
    else {
      parsed.conversations.push({ index, conversation: session.conversation });
      parsed.format = session.format;
    }
  }
  return parsed.conversations.length === 0 && parsed.skipped.length > 0 ? null : parsed;
}

function readSession(
  name: string,
  value: unknown,
): { format: 'chat_history' | 'chat_history_pairs'; conversation: Conversation } | null {
  const turns = turnsSchema.safeParse(value);
  if (turns.success) return { format: 'chat_history', conversation: conversationOf(name, turns.data) };
  const pairs = pairsSchema.safeParse(value);
  if (!pairs.success) return null;
  const said = pairs.data.flatMap(([user, assistant]) => [
    ...(user === null ? [] : [{ role: 'user' as const, content: user }]),
    ...(assistant === null ? [] : [{ role: 'assistant' as const, content: assistant }]),
  ]);
  return { format: 'chat_history_pairs', conversation: conversationOf(name, said) };
}

function conversationOf(name: string, turns: z.infer<typeof turnsSchema>): Conversation {
  const messages = turns.map((turn, index): ConversationMessage => ({
    ...turn,
    parent: index === 0 ? null : index - 1,
    createdAt: null,
  }));
  return liftSystemPrompt({ title: name, createdAt: null, updatedAt: null, messages });
}
