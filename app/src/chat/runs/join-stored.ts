import type { RunStore } from '../../store/run-store.ts';
import type { LiveRun } from './live-run.ts';

/**
 * For when the store refuses to go on where this process believes the run to be. In one epoch only one process writes,
 * so more than was believed was written from here, and only the answer to that was lost. False: the run has ended, is
 * another's, or is an older one from a backup.
 */
export async function joinStored(store: Pick<RunStore, 'getRun'>, live: LiveRun): Promise<boolean> {
  const stored = await store.getRun(live.owner, live.id);
  if (stored?.epoch !== live.epoch || stored.phase === 'ended') return false;
  if (stored.durableOffset <= live.durableOffset || stored.durableOffset > live.text.length) return false;
  live.setDurable(stored.durableOffset);
  return true;
}
