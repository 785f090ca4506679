import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const version2 = '/sys/fs/cgroup/cpu.max';
const version1Quota = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us';
const version1Period = '/sys/fs/cgroup/cpu/cpu.cfs_period_us';

/** Threads worth starting: the cores this process may run on, within what its cgroup may use of them. */
export function usableThreads(read: (path: string) => string | null = readText): number {
  const cores = availableParallelism();
  const quota = cgroupCores(read);
  return quota === null ? cores : Math.max(1, Math.min(cores, Math.floor(quota)));
}

function cgroupCores(read: (path: string) => string | null): number | null {
  const [quota, period] = (read(version2) ?? '').trim().split(' ').map(Number);
  const known = ratio(quota, period);
  return (
    known ?? ratio(Number(read(version1Quota) ?? Number.NaN), Number(read(version1Period) ?? Number.NaN))
  );
}

function ratio(quota: number | undefined, period: number | undefined): number | null {
  const isGiven = quota !== undefined && period !== undefined && quota > 0 && period > 0;
  return isGiven && Number.isFinite(quota / period) ? quota / period : null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
