import type { ChatParts } from '../chat-calls.ts';
import type { Chats } from '../chats.ts';
import { toAppError } from '../../contracts/app-error.ts';
import type { AcceptedRuns, RunRecord } from '../../store/run-store.ts';
import type { Store } from '../../store/store.ts';
import { noFacts } from './answer-facts.ts';
import { executeRun } from './execute-run.ts';
import { finishRun } from './finish-run.ts';
import { LiveRun } from './live-run.ts';
import type { RunContext } from './run-context.ts';

/**
 * Starts in a row that found a run where the one before had left it: it may be what stops the server. So many, because
 * a server that somebody restarts while a large model loads leaves its runs where they were, too.
 */
const mostFruitlessStarts = 8;

/** Who never started (a command without a server) leaves unfinished answers to who will. */
export function createTakeUp({ context, store, dropState }: ChatParts): Pick<Chats, 'start' | 'restored'> {
  let isStarted = false;
  return {
    async start() {
      isStarted = true;
      return { resumedRuns: await takeUpUnfinished(context, store) };
    },
    async restored() {
      loseRuns(context);
      try {
        // They hold chats, and ends of chats, that are not there any more.
        await dropState(null);
      } finally {
        if (isStarted) await takeUpUnfinished(context, store);
      }
    },
  };
}

/** Every run that is unfinished and nobody works at, with the text its journal holds. Gives how many go on. */
async function takeUpUnfinished(context: RunContext, store: Pick<Store, 'unfinishedRuns'>): Promise<number> {
  let resumed = 0;
  for (const record of await store.unfinishedRuns()) if (await takeUp(context, record)) resumed++;
  if (resumed > 0) context.log.info({ runs: resumed }, 'answers are taken up again');
  return resumed;
}

/** Another state of the store is in place: what is written at here is not what is there. */
function loseRuns(context: RunContext): void {
  for (const live of context.live.values()) {
    if (live.isTemporary) continue;
    live.lose();
    context.live.delete(live.id);
  }
}

/** The request came again: the first may have been written and cut off before its runs began. */
export async function takeUpRepeated(context: RunContext, { chat, answers }: AcceptedRuns): Promise<void> {
  if (chat.temporary) return;
  for (const { run } of answers) if (run.phase !== 'ended') await takeUp(context, run);
}

/** False: somebody works at it, it ended or was erased meanwhile, or it is given up. */
async function takeUp(context: RunContext, record: RunRecord): Promise<boolean> {
  const { id: runId, owner, epoch } = record;
  if (context.live.has(runId) || context.beginning.has(runId)) return false;
  context.beginning.add(runId);
  try {
    const { run, text } = await context.store.resumeRun(owner, { runId, epoch, engineCrashed: false });
    const live = new LiveRun(run, text);
    const isGivenUp = isFruitless(record, text);
    context.keep(isGivenUp ? giveUp(context, live) : executeRun(context, live));
    return !isGivenUp;
  } catch (error) {
    if (['conflict', 'not-found'].includes(toAppError(error).code)) return false;
    throw error;
  } finally {
    context.beginning.delete(runId);
  }
}

function isFruitless(record: RunRecord, text: string): boolean {
  const last = record.resumedAt.slice(-mostFruitlessStarts);
  return last.length === mostFruitlessStarts && last.every((offset) => offset === text.length);
}

function giveUp(context: RunContext, live: LiveRun): Promise<void> {
  return finishRun(context, live, {
    facts: noFacts(),
    end: {
      reason: 'interrupted',
      error: {
        code: 'engine-crashed',
        message:
          'the server stopped several times at the same place of this answer, so it was not tried again',
        hint: 'The text so far is kept; the server log may tell why.',
      },
    },
  });
}
