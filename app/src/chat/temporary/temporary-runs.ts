import { AppError } from '../../contracts/app-error.ts';
import { leafThrough } from '../../lib/message-tree.ts';
import type {
  AcceptedAnswer,
  AcceptedRuns,
  AcceptRuns,
  FinishRun,
  JournalEntry,
  RunRecord,
} from '../../store/run-store.ts';
import { notFound, requireVersion } from '../refusals.ts';
import { addMessage, messageIn, replaceMessage, type TemporaryChat } from './temporary-chat.ts';

/** What a run does to a conversation in memory, phase by phase, as the store does to rows. */
export function acceptRuns(found: TemporaryChat, write: AcceptRuns): AcceptedRuns {
  const { idempotency } = write;
  if (!idempotency) return acceptNew(found, write);
  const known = acceptedBefore(found, idempotency);
  if (known) return known;
  const accepted = acceptNew(found, write);
  found.accepted.set(idempotency.key, {
    requestHash: idempotency.requestHash,
    userMessageId: accepted.userMessage?.id ?? null,
    answers: accepted.answers.map(({ run, message }) => ({ runId: run.id, messageId: message.id })),
  });
  return accepted;
}

function acceptNew(found: TemporaryChat, write: AcceptRuns): AcceptedRuns {
  if (write.parent) requireVersion('message', write.parent.version, messageIn(found, write.parent.id));
  const before = found.chat.activeLeafId;
  const userMessage = write.userMessage ? addMessage(found, write.userMessage) : null;
  const parentId = userMessage?.id ?? write.parent?.id ?? null;
  const answers = write.answers.map((answer) => acceptOne(found, answer, { parentId, now: write.now }));
  const [first] = answers;
  const activeLeafId = first
    ? leafThrough(found.messages, first.message.id, before)
    : found.chat.activeLeafId;
  found.chat = { ...found.chat, activeLeafId };
  return { chat: found.chat, userMessage, answers, repeated: false };
}

export function acceptedBefore(
  found: TemporaryChat,
  { key, requestHash }: NonNullable<AcceptRuns['idempotency']>,
): AcceptedRuns | null {
  const known = found.accepted.get(key);
  if (!known) return null;
  if (known.requestHash !== requestHash)
    throw new AppError('idempotency-mismatch', 'this idempotency key was used with another request', {
      hint: 'Use a new key for each new request.',
    });
  return {
    chat: found.chat,
    userMessage: known.userMessageId === null ? null : messageIn(found, known.userMessageId),
    answers: known.answers.map(({ runId, messageId }) => ({
      run: runIn(found, runId),
      message: messageIn(found, messageId),
    })),
    repeated: true,
  };
}

function runIn(found: TemporaryChat, runId: string): RunRecord {
  const run = found.runs.get(runId);
  if (!run) throw notFound('run');
  return run;
}

/** What a journal would keep: the text so far, in the message itself. */
export function appendText(found: TemporaryChat, run: RunRecord, { offset, text }: JournalEntry): void {
  const message = messageIn(found, run.messageId);
  const content = message.content.slice(0, offset) + text;
  replaceMessage(found, { ...message, content });
  found.runs.set(run.id, { ...run, durableOffset: content.length });
}

/** The engine went away under it. All that was shown is in the caller's memory, so watchers cut nothing back. */
export function raiseEpoch(found: TemporaryChat, run: RunRecord): RunRecord {
  const raised = {
    ...run,
    epoch: run.epoch + 1,
    engineCrashes: run.engineCrashes + 1,
    resumedAt: [...run.resumedAt, Number.MAX_SAFE_INTEGER],
  };
  found.runs.set(run.id, raised);
  return raised;
}

export function finishRun(found: TemporaryChat, run: RunRecord, write: FinishRun): boolean {
  if (run.phase === 'ended') return false;
  const message = messageIn(found, run.messageId);
  const content = message.content.slice(0, write.tail.offset) + write.tail.text;
  const version = message.version + 1;
  replaceMessage(found, { ...message, content, state: write.messageState, outcome: write.outcome, version });
  found.runs.set(run.id, {
    ...run,
    phase: 'ended',
    durableOffset: content.length,
    endReason: write.endReason,
    error: write.error,
    endedAt: write.now,
  });
  return true;
}

function acceptOne(
  found: TemporaryChat,
  answer: AcceptedAnswer,
  at: { parentId: string | null; now: number },
): AcceptedRuns['answers'][number] {
  const { target } = answer;
  const base =
    target.kind === 'new'
      ? addMessage(found, {
          id: target.messageId,
          parentId: at.parentId,
          role: 'assistant',
          content: '',
          createdAt: at.now,
          model: target.model,
        })
      : messageIn(found, target.messageId);
  const message = replaceMessage(found, {
    ...base,
    runId: answer.runId,
    state: 'running',
    outcome: null,
    version: target.kind === 'new' ? 1 : base.version + 1,
  });
  const run = newRun(found, { answer, now: at.now, messageId: message.id, offset: message.content.length });
  found.runs.set(run.id, run);
  return { run, message };
}

function newRun(
  found: TemporaryChat,
  {
    answer,
    now,
    messageId,
    offset,
  }: { answer: AcceptedAnswer; now: number; messageId: string; offset: number },
): RunRecord {
  return {
    id: answer.runId,
    owner: found.owner,
    chatId: found.chat.id,
    messageId,
    phase: 'accepted',
    epoch: 1,
    startOffset: offset,
    durableOffset: offset,
    settings: answer.settings,
    endReason: null,
    error: null,
    createdAt: now,
    endedAt: null,
    state: answer.state,
    engineCrashes: 0,
    resumedAt: [],
  };
}
