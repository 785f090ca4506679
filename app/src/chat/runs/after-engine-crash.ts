import { toAppError } from '../../contracts/app-error.ts';
import type { RunRecord } from '../../store/run-store.ts';
import type { AnswerFacts } from './answer-facts.ts';
import { whenDiskAllows } from './disk-failures.ts';
import type { LiveRun } from './live-run.ts';
import type { RunContext } from './run-context.ts';

/** A run that was alone when its engine went away the second time is guilty; one that was not gets a few more. */
const mostEngineCrashes = 4;

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
  const run = await whenDiskAllows(context, live, async () => {
    await context.journal.flush(live);
    return raiseEpoch(context, live);
  });
  context.log.warn({ runId: live.id, crashes: run.engineCrashes }, 'an answer is taken up again');
  live.restart(run);
}

async function raiseEpoch({ store }: RunContext, live: LiveRun): Promise<RunRecord> {
  const { owner, id: runId, epoch } = live;
  try {
    return (await store.resumeRun(owner, { runId, epoch, engineCrashed: true })).run;
  } catch (error) {
    if (toAppError(error).code !== 'conflict') throw error;
    const stored = await store.getRun(owner, runId);
    if (!stored || !isTakenUpHere(stored, live)) throw error;
    return stored;
  }
}

/** An earlier try was written, and only the answer to that was lost: others who take a run up count no crash. */
function isTakenUpHere(stored: RunRecord, live: LiveRun): boolean {
  const crashes = live.record.engineCrashes + 1;
  return stored.phase !== 'ended' && stored.epoch === live.epoch + 1 && stored.engineCrashes === crashes;
}
