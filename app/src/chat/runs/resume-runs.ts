import type { RunRecord } from '../../store/run-store.ts';
import type { Store } from '../../store/store.ts';
import type { AnswerFacts } from './answer-facts.ts';
import { whenDiskAllows } from './disk-failures.ts';
import { LiveRun } from './live-run.ts';
import type { RunContext } from './run-context.ts';

/** A run that was alone when its engine went away the second time is guilty; one that was not gets a few more. */
const mostEngineCrashes = 4;
/**
 * Starts in a row that found a run where the one before had left it: it may be what stops the server. So many, because
 * a server that somebody restarts while a large model loads leaves its runs where they were, too.
 */
const mostFruitlessStarts = 8;

export function mayTakeUpAgain(context: RunContext, live: LiveRun, facts: AnswerFacts): boolean {
  const crashes = live.record.engineCrashes + 1;
  const isHalfWritten = live.text.length > live.startOffset;
  if (isHalfWritten && facts.capabilities?.continueAnswer === false) return false;
  return live.isOurs && !live.abort.signal.aborted && crashes < (facts.wasAlone ? 2 : mostEngineCrashes);
}

/**
 * What was shown is made durable first, so that nothing shown has to be cut back; where the disk takes nothing just
 * now, that is waited for.
 */
export async function takeUpAfterEngineCrash(context: RunContext, live: LiveRun): Promise<void> {
  const { run } = await whenDiskAllows(context, live, async () => {
    await context.journal.flush(live);
    return context.store.resumeRun(live.owner, { runId: live.id, epoch: live.epoch, engineCrashed: true });
  });
  context.log.warn({ runId: live.id, crashes: run.engineCrashes }, 'an answer is taken up again');
  live.restart(run);
}

/** At a start: every run that a crash left unfinished, with the text its journal holds. */
export async function takeUpUnfinished(
  context: RunContext,
  store: Pick<Store, 'unfinishedRuns'>,
): Promise<{ resumed: LiveRun[]; givenUp: LiveRun[] }> {
  const resumed: LiveRun[] = [];
  const givenUp: LiveRun[] = [];
  for (const record of await store.unfinishedRuns()) {
    const { run, text } = await context.store.resumeRun(record.owner, {
      runId: record.id,
      epoch: record.epoch,
      engineCrashed: false,
    });
    const live = new LiveRun(run, text);
    (isFruitless(record, text) ? givenUp : resumed).push(live);
  }
  return { resumed, givenUp };
}

function isFruitless(record: RunRecord, text: string): boolean {
  const last = record.resumedAt.slice(-mostFruitlessStarts);
  return last.length === mostFruitlessStarts && last.every((offset) => offset === text.length);
}
