import { uuidv7 } from 'uuidv7';
import { AppError } from '../contracts/app-error.ts';
import type { ChatMessage, Feedback } from '../contracts/chats.ts';
import type { Receipt } from '../contracts/runs.ts';
import type { NewOutboxEvent } from '../store/outbox-store.ts';
import { tell, trash, type ChatParts } from './chat-calls.ts';
import type { MessageCalls } from './chats.ts';
import { logEvent, type LoggedAnswer } from './log/log-event.ts';
import { loggingMode } from './log/log-policy.ts';
import { notFound, stale } from './refusals.ts';
import { checkText } from './runs/accept-run.ts';
import { branchTo } from '../lib/message-tree.ts';

export function createMessageCalls(parts: ChatParts): MessageCalls {
  const { context } = parts;
  return {
    async edit(owner, chatId, { messageId, version, content }) {
      checkText(content);
      const message = await messageIn(parts, owner, { chatId, messageId });
      if (version !== undefined && version < message.version) throw stale('message', message.version);
      const { parentId, role, model } = message;
      const createdAt = context.clock.now();
      const added = await context.store.addMessage(owner, {
        chatId,
        message: { id: uuidv7(), parentId, role, content, createdAt, model },
      });
      await tellMessages(parts, owner, chatId);
      return added;
    },
    async updateMessage(owner, chatId, { messageId, version, change }) {
      const message = await messageIn(parts, owner, { chatId, messageId });
      if (change.feedback !== undefined) checkFeedback(parts, message);
      const events =
        change.feedback === undefined
          ? []
          : await feedbackEvents(parts, owner, { message, feedback: change.feedback });
      const updated = await context.store.updateMessage(owner, {
        messageId,
        version: version ?? message.version,
        change,
        ...(events.length === 0 ? {} : { events }),
      });
      await tellMessages(parts, owner, chatId);
      return updated;
    },
    trashMessage: (owner, chatId, write) => trash(parts, owner, { chatId, ...write }),
  };
}

async function tellMessages({ context }: ChatParts, owner: string, chatId: string): Promise<void> {
  const chat = await context.store.getChat(owner, chatId);
  if (chat && !chat.temporary) tell(context, owner, chat, 'messages');
}

async function messageIn(
  { context }: ChatParts,
  owner: string,
  known: { chatId: string; messageId: string },
): Promise<ChatMessage> {
  const message = await context.store.getMessage(owner, known.messageId);
  if (message?.chatId !== known.chatId) throw notFound('message in this chat');
  return message;
}

function checkFeedback({ context }: ChatParts, message: ChatMessage): void {
  if (!context.config.feedback)
    throw new AppError('unsupported-field', 'feedback is switched off on this server', {
      hint: 'The operator switches it on with CORRAL_FEEDBACK=1.',
    });
  if (message.role !== 'assistant') throw new AppError('bad-request', 'only answers can be rated');
}

/** The turn once more, as it was answered, now with what the person thinks of it. */
async function feedbackEvents(
  { context }: ChatParts,
  owner: string,
  { message, feedback }: { message: ChatMessage; feedback: Feedback | null },
): Promise<NewOutboxEvent[]> {
  const opened = await context.store.openChat(owner, message.chatId);
  const mode = loggingMode(context.config, opened?.chat.temporary ?? false);
  if (mode === 'off' || !opened) return [];
  const receipt = (await context.store.listReceipts(owner, message.id)).at(-1);
  const now = context.clock.now();
  const branch = branchTo(opened.messages, message.id);
  return [
    logEvent({ ...askedAndAnswered(message, receipt), eventId: uuidv7(), now, mode, branch, feedback }),
  ];
}

type Answered = Omit<LoggedAnswer, 'eventId' | 'now' | 'mode' | 'branch' | 'feedback'>;

/** Edited answers and those of temporary chats have no receipt: what is not known is left out. */
function askedAndAnswered(message: ChatMessage, receipt: Receipt | undefined): Answered {
  const about = { chatId: message.chatId, messageId: message.id, model: message.model ?? '' };
  const { endReason, usage } = message.outcome ?? { endReason: 'stop' as const, usage: null };
  if (!receipt) return { ...about, endReason, usage, systemPrompt: null, sampling: {}, adapters: [] };
  const { systemPrompt, sampling, adapters } = receipt;
  return { ...about, endReason, usage, systemPrompt, sampling, adapters };
}
