import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { toAppError } from '../../contracts/app-error.ts';
import type { Chat, ChatMessage } from '../../contracts/chats.ts';
import type { EndReason } from '../../contracts/run-parts.ts';
import type { NewJob } from '../../store/job-store.ts';
import type { NewOutboxEvent } from '../../store/outbox-store.ts';
import type { FinishRun } from '../../store/run-store.ts';
import { logEvent } from '../log/log-event.ts';
import { loggingMode } from '../log/log-policy.ts';
import { branchTo } from '../../lib/message-tree.ts';
import type { AnswerEnd, AnswerFacts } from './answer-facts.ts';
import { joinStored } from './join-stored.ts';
import type { LiveRun } from './live-run.ts';
import { outcomeOf, receiptOf } from './receipt-of.ts';
import { answerState, type RunContext } from './run-context.ts';

const messageStates: Record<EndReason, ChatMessage['state']> = {
  stop: 'complete',
  'stop-string': 'complete',
  'stop-token': 'complete',
  length: 'length',
  aborted: 'stopped',
  interrupted: 'failed',
  failed: 'failed',
};

/** A full disk may be made room on: the end is tried again, with the answer kept in memory. */
const firstRetryMs = 250;
const longestRetryMs = 5000;

/**
 * Phase finish: message, receipt, log event and title job in one transaction; only then watchers hear the end. Repeats
 * until the store takes it. When the server closes first, the journal has the text and the next start ends the run.
 */
export async function finishRun(
  context: RunContext,
  live: LiveRun,
  known: { end: AnswerEnd; facts: AnswerFacts },
): Promise<void> {
  live.show();
  await context.journal.leaveToEnd(live);
  const eventId = uuidv7();
  for (let delayMs = firstRetryMs; ; delayMs = Math.min(delayMs * 2, longestRetryMs)) {
    try {
      const written = await write(context, live, { ...known, eventId });
      live.end(written ? endEvent(live, known.end) : undefined);
      return;
    } catch (error) {
      if (context.closing.aborted) {
        await leaveToNextStart(context, live);
        return;
      }
      if (await isOver(context, live, error)) {
        live.end();
        return;
      }
      context.log.error(
        { runId: live.id, error: String(error) },
        'the end of an answer could not be written yet',
      );
      await sleep(delayMs, undefined, { signal: context.closing }).catch(() => undefined);
    }
  }
}

/** The server stops: what was shown is in the journal before watchers leave, so the next start takes nothing back. */
export async function leaveToNextStart(context: RunContext, live: LiveRun): Promise<void> {
  await context.journal.leaveToNextStart(live);
  live.end();
}

/** Nothing more can be written: it is gone or another's. */
async function isOver(context: RunContext, live: LiveRun, error: unknown): Promise<boolean> {
  const { code } = toAppError(error);
  if (code !== 'conflict') return code === 'not-found';
  const isOurs = await joinStored(context.store, live).catch(() => true);
  return !isOurs;
}

async function write(
  context: RunContext,
  live: LiveRun,
  { end, facts, eventId }: { end: AnswerEnd; facts: AnswerFacts; eventId: string },
): Promise<boolean> {
  const now = context.clock.now();
  const opened = await context.store.openChat(live.owner, live.chatId);
  const text = live.text.slice(live.durableOffset);
  const finish: FinishRun = {
    runId: live.id,
    epoch: live.epoch,
    now,
    tail: { offset: live.durableOffset, text },
    endReason: end.reason,
    error: end.error ?? null,
    messageState: messageStates[end.reason],
    outcome: outcomeOf(live, end, facts),
    receipt: live.isTemporary ? null : receiptOf(live, { end, facts, now }),
    events: opened ? eventsOf(context, live, { end, facts, eventId, now, ...opened }) : [],
    jobs: opened ? jobsOf(live, end, { chat: opened.chat, now }) : [],
  };
  const written = await context.store.finishRun(live.owner, finish);
  if (written) live.setDurable(live.text.length);
  return written;
}

function endEvent(live: LiveRun, end: AnswerEnd): Parameters<LiveRun['end']>[0] {
  return { type: 'end', ...end, offset: live.text.length, resumed: live.record.resumedAt.length > 0 };
}

function eventsOf(
  context: RunContext,
  live: LiveRun,
  known: { end: AnswerEnd; facts: AnswerFacts; eventId: string; now: number; messages: ChatMessage[] },
): NewOutboxEvent[] {
  const mode = loggingMode(context.config, live.isTemporary);
  if (mode === 'off' || live.text === '') return [];
  const { settings } = answerState(live);
  const branch = branchTo(known.messages, live.messageId).map((message) =>
    message.id === live.messageId ? { role: message.role, content: live.text } : message,
  );
  return [
    logEvent({
      eventId: known.eventId,
      now: known.now,
      mode,
      chatId: live.chatId,
      messageId: live.messageId,
      systemPrompt: settings.systemPrompt,
      branch,
      sampling: settings.sampling,
      model: settings.model,
      adapters: settings.adapters,
      endReason: known.end.reason,
      usage: known.facts.usage,
      feedback: null,
    }),
  ];
}

/** The first answer of a chat without a name asks for one. */
function jobsOf(live: LiveRun, end: AnswerEnd, { chat, now }: { chat: Chat; now: number }): NewJob[] {
  const isAnswer = end.reason !== 'failed' && live.text !== '';
  if (!isAnswer || live.isTemporary || chat.titleSource !== 'none') return [];
  return [
    {
      id: uuidv7(),
      kind: 'title',
      payload: { owner: live.owner, chatId: live.chatId, messageId: live.messageId },
      createdAt: now,
      runAt: now,
      key: `title:${live.chatId}`,
    },
  ];
}
