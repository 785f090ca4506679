import { notFound } from '../refusals.ts';
import { noFacts } from './answer-facts.ts';
import { finishRun } from './finish-run.ts';
import { LiveRun } from './live-run.ts';
import type { RunContext } from './run-context.ts';

/** Ends a run and keeps its text; resolves when that is on disk. Stopping an ended run does nothing. */
export async function stopRun(context: RunContext, owner: string, runId: string): Promise<void> {
  const live = context.live.get(runId);
  if (live?.owner === owner) {
    live.abort.abort();
    await live.done;
    return;
  }
  const record = await context.store.getRun(owner, runId);
  if (!record) throw notFound('run');
  if (record.phase === 'ended') return;
  const resumed = await context.store.resumeRun(owner, { runId, epoch: record.epoch, engineCrashed: false });
  const orphan = new LiveRun(resumed.run, resumed.text);
  await finishRun(context, orphan, { end: { reason: 'aborted' }, facts: noFacts() });
}
