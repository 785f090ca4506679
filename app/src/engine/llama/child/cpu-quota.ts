import { availableParallelism } from 'node:os';
import { cpuQuota, type ReadSystemFile } from '../../../lib/control-group.ts';

/** Threads worth starting: the cores this process may run on, within what its control groups may use of them. */
export function usableThreads(read?: ReadSystemFile): number {
  const cores = availableParallelism();
  const quota = cpuQuota(read);
  return quota === null ? cores : Math.max(1, Math.min(cores, Math.floor(quota)));
}
