import type { ChatMessage, Feedback } from '../../contracts/chats.ts';
import type { EndReason, Usage } from '../../contracts/run-parts.ts';
import type { Sampling } from '../../contracts/sampling.ts';
import type { NewOutboxEvent } from '../../store/outbox-store.ts';

export type LogMode = 'full' | 'metadata';

export interface LoggedAnswer {
  /** Also the id of the delivery: the same at each attempt. */
  eventId: string;
  now: number;
  mode: LogMode;
  chatId: string;
  messageId: string;
  systemPrompt: string | null;
  /** First message to answer. */
  branch: readonly Pick<ChatMessage, 'role' | 'content'>[];
  sampling: Sampling;
  model: string;
  adapters: readonly { id: string; scale: number }[];
  endReason: EndReason;
  usage: Usage | null;
  feedback: Feedback | null;
}

const finishReasons: Record<EndReason, string> = {
  stop: 'stop',
  'stop-string': 'stop',
  'stop-token': 'stop',
  length: 'length',
  aborted: 'aborted',
  interrupted: 'interrupted',
  failed: 'failed',
};

/** One turn as the log sink gets it. The names are those that collectors of such turns have always been sent. */
export function logEvent(answer: LoggedAnswer): NewOutboxEvent {
  const { sampling } = answer;
  const system = answer.systemPrompt ? [{ role: 'system' as const, content: answer.systemPrompt }] : [];
  const messages = [...system, ...answer.branch].map(({ role, content }) =>
    answer.mode === 'full' ? { role, content } : { role, characters: content.length },
  );
  const body = {
    conversation_id: answer.chatId,
    timestamp: new Date(answer.now).toISOString(),
    messages,
    parameters: {
      temperature: sampling.temperature,
      top_k: sampling.topK,
      top_p: sampling.topP,
      min_p: sampling.minP,
      repetition_penalty: sampling.repetitionPenalty,
      max_new_tokens: sampling.maxNewTokens,
      seed: sampling.seed,
    },
    model: answer.model,
    adapters: answer.adapters.map(({ id, scale }) => ({ id, scale })),
    message_id: answer.messageId,
    finish_reason: finishReasons[answer.endReason],
    usage: answer.usage && {
      prompt_tokens: answer.usage.promptTokens,
      completion_tokens: answer.usage.completionTokens,
      total_tokens: answer.usage.promptTokens + answer.usage.completionTokens,
    },
    feedback: loggedFeedback(answer),
  };
  return {
    id: answer.eventId,
    conversationId: answer.chatId,
    body: JSON.stringify(body),
    createdAt: answer.now,
  };
}

/** A reason is somebody's text: metadata leaves it out. */
function loggedFeedback({ feedback, mode }: LoggedAnswer): object | null {
  if (!feedback) return null;
  return mode === 'full' ? { ...feedback } : { rating: feedback.rating };
}
