import type { Run } from '../../contracts/runs.ts';
import type { RunRecord } from '../../store/run-store.ts';

/** A run as the API shows it. */
export function plainRun(record: RunRecord): Run {
  const { owner: _owner, state: _state, engineCrashes: _crashes, resumedAt: _resumed, ...run } = record;
  return run;
}
