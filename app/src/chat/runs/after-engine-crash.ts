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
  const { run } = await whenDiskAllows(context, live, async () => {
    await context.journal.flush(live);
    return context.store.resumeRun(live.owner, { runId: live.id, epoch: live.epoch, engineCrashed: true });
  });
  context.log.warn({ runId: live.id, crashes: run.engineCrashes }, 'an answer is taken up again');
  live.restart(run);
}
