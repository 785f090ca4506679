import { uuidv7 } from 'uuidv7';
import type { AnswerOutcome } from '../../contracts/chats.ts';
import type { Receipt } from '../../contracts/runs.ts';
import type { NewMessage } from '../../store/chat-store.ts';
import type { ImportedRun } from '../../store/exchange-store.ts';
import type { ConversationOrigin } from './imported-conversation.ts';

export interface ImportedRuns {
  runs: ImportedRun[];
  /** With what is known of how they came about. */
  messages: NewMessage[];
}

export interface ImportedInto {
  chatId: string;
  messages: readonly NewMessage[];
}

/** The runs that wrote the answers of a chat elsewhere, under the ids that chat and messages have here. */
export function toImportedRuns(
  { messages, receipts }: ConversationOrigin,
  { chatId, messages: taken }: ImportedInto,
): ImportedRuns {
  const renamed = new Map(taken.map(({ id }, index) => [messages[index]?.id ?? '', id]));
  const rename = (id: string): string => {
    const known = renamed.get(id) ?? uuidv7();
    renamed.set(id, known);
    return known;
  };
  const runs = new Map<string, ImportedRun>();
  for (const receipt of receipts) runs.set(receipt.runId, runOf(renameReceipt(receipt, chatId, rename)));
  for (const [index, message] of taken.entries()) {
    const { runId, outcome } = messages[index] ?? {};
    if (runId && outcome && !runs.has(runId))
      runs.set(runId, runWithoutReceipt(rename(runId), message, outcome));
  }
  return {
    runs: [...runs.values()],
    messages: taken.map((message, index) => {
      const { state = 'complete', runId, outcome = null } = messages[index] ?? {};
      return {
        ...message,
        // What was being written when the file was made is not written on here.
        state: state === 'running' ? 'stopped' : state,
        runId: runId && runs.has(runId) ? rename(runId) : null,
        outcome,
      };
    }),
  };
}

function runWithoutReceipt(id: string, message: NewMessage, outcome: AnswerOutcome): ImportedRun {
  return {
    id,
    messageId: message.id,
    startOffset: 0,
    endOffset: message.content.length,
    endReason: outcome.endReason,
    error: outcome.error,
    resumedAt: [],
    createdAt: message.createdAt,
    receipt: null,
  };
}

function renameReceipt(receipt: Receipt, chatId: string, rename: (id: string) => string): Receipt {
  const renameOrNull = (id: string | null): string | null => (id === null ? null : rename(id));
  const { plan } = receipt;
  return {
    ...receipt,
    runId: rename(receipt.runId),
    chatId,
    messageId: rename(receipt.messageId),
    plan: {
      ...plan,
      messages: plan.messages.map((one) => ({ ...one, messageId: renameOrNull(one.messageId) })),
      droppedMessageIds: plan.droppedMessageIds.map(rename),
      firstSeenMessageId: renameOrNull(plan.firstSeenMessageId),
    },
  };
}

function runOf(receipt: Receipt): ImportedRun {
  const { runId, messageId, startOffset, endOffset, endReason, error, resumedAt, createdAt } = receipt;
  return { id: runId, messageId, startOffset, endOffset, endReason, error, resumedAt, createdAt, receipt };
}
