import { noFacts, type AnswerEnd, type AnswerFacts } from './answer-facts.ts';
import { finishRun, leaveToNextStart } from './finish-run.ts';
import type { LiveRun } from './live-run.ts';
import { prepareAnswer, type PreparedAnswer } from './prepare-answer.ts';
import { mayTakeUpAgain, takeUpAfterEngineCrash } from './after-engine-crash.ts';
import type { RunContext } from './run-context.ts';
import { endOfError, streamAnswer } from './stream-answer.ts';

/**
 * One run from acceptance to its end: load, plan, stream, finish. An engine that goes away is noticed here, and the run
 * is taken up again from its journal. Never throws; resolves when the end is on disk, or when the server closes.
 */
export async function executeRun(context: RunContext, live: LiveRun): Promise<void> {
  context.live.set(live.id, live);
  context.journal.add(live);
  notify(context, live, 'active');
  try {
    const { end, facts } = await answer(context, live);
    // What a person stopped has ended, also where the server stops in the same moment.
    const isLeft = context.closing.aborted && end.reason === 'aborted' && !live.abort.signal.aborted;
    if (isLeft) await leaveToNextStart(context, live);
    else if (!live.isOurs) live.end();
    else await finishRun(context, live, { end, facts });
  } finally {
    context.journal.remove(live);
    // Where a backup was restored, another copy may have its place.
    if (context.live.get(live.id) === live) {
      context.live.delete(live.id);
      notify(context, live, 'ended');
    }
  }
}

async function answer(context: RunContext, live: LiveRun): Promise<{ end: AnswerEnd; facts: AnswerFacts }> {
  const facts = noFacts();
  for (;;) {
    const end = await attempt(context, live, facts);
    if (end.reason !== 'interrupted') return { end, facts };
    if (context.closing.aborted) return { end: { reason: 'aborted' }, facts };
    if (!mayTakeUpAgain(context, live, facts)) return { end: gaveUp(end, live), facts };
    try {
      await takeUpAfterEngineCrash(context, live);
    } catch (error) {
      return { end: endOfError(error, AbortSignal.any([live.abort.signal, context.closing])), facts };
    }
  }
}

function gaveUp({ error }: AnswerEnd, live: LiveRun): AnswerEnd {
  const hint = 'The text so far is kept; Continue asks for the rest.';
  if (error) return { reason: 'interrupted', error: live.text === '' ? error : { ...error, hint } };
  return {
    reason: 'interrupted',
    error: {
      code: 'engine-crashed',
      message: 'the engine went away twice while it wrote this answer, so it was not tried again',
      hint: 'The text so far is kept. Try another model or shorter settings, and look at the server log.',
    },
  };
}

async function attempt(context: RunContext, live: LiveRun, facts: AnswerFacts): Promise<AnswerEnd> {
  const signal = AbortSignal.any([live.abort.signal, context.closing]);
  try {
    const prepared = await prepareAnswer(context, live, { facts, signal });
    try {
      return await inTurn(context, live, { prepared, facts, signal });
    } finally {
      prepared.release();
    }
  } catch (error) {
    return endOfError(error, signal);
  }
}

async function inTurn(
  context: RunContext,
  live: LiveRun,
  known: { prepared: PreparedAnswer; facts: AnswerFacts; signal: AbortSignal },
): Promise<AnswerEnd> {
  const modelId = known.prepared.source.id;
  const isSuspect = live.record.engineCrashes >= 2;
  const endTurn = isSuspect ? await context.suspects.turn(modelId, known.signal) : undefined;
  const leave = context.suspects.enter(modelId, live.id);
  try {
    return await streamAnswer(live, known.prepared, known);
  } finally {
    known.facts.wasAlone = context.suspects.isAlone(modelId);
    leave();
    endTurn?.();
  }
}

function notify(context: RunContext, live: LiveRun, state: 'active' | 'ended'): void {
  const { owner, chatId, messageId, id: runId } = live;
  context.notify({ type: 'run-changed', owner, chatId, runId, messageId, state });
}
