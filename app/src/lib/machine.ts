import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';

export interface Machine {
  cores: number;
  /** Cores' worth of time that the control group grants; null where nothing limits it. */
  cpuQuota: number | null;
  memoryBytes: number;
  /** What can be had now without swapping, within the control group's limit. */
  availableBytes: number;
  /** The control group's limit; null where there is none. */
  memoryLimitBytes: number | null;
}

/** The text of a small system file, or null where this system does not have it. */
function systemFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

function cpuQuota(): number | null {
  const [quota, period] = (systemFile('/sys/fs/cgroup/cpu.max') ?? '').split(' ');
  if (quota && quota !== 'max') return Number(quota) / Number(period);
  const oldQuota = Number(systemFile('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1);
  const oldPeriod = Number(systemFile('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 0);
  return oldQuota > 0 && oldPeriod > 0 ? oldQuota / oldPeriod : null;
}

function byteFile(paths: readonly string[]): number | null {
  for (const path of paths) {
    const value = Number(systemFile(path) ?? Number.NaN);
    // Version 1 writes a number near 2^63 for "no limit".
    if (Number.isFinite(value) && value < 2 ** 60) return value;
  }
  return null;
}

function memoryAvailable(): number {
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(systemFile('/proc/meminfo') ?? '');
  return match ? Number(match[1]) * 1024 : freemem();
}

/** What a control group has left. Pages of files are counted as used, but the kernel gives them up before it refuses memory. */
export function roomWithin(limit: number, used: number, statistics: string): number {
  const pages = (kind: string): number => {
    // Version 1 counts groups below this one apart, as `total_…`.
    const match = new RegExp(`^total_${kind} (\\d+)$`, 'm').exec(statistics);
    return Number((match ?? new RegExp(`^${kind} (\\d+)$`, 'm').exec(statistics))?.[1] ?? 0);
  };
  return limit - Math.max(0, used - pages('inactive_file') - pages('active_file'));
}

/** What this process may use of the machine, control groups included. Reads a few small files; cheap. */
export function readMachine(): Machine {
  const limit = byteFile(['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']);
  const used = byteFile(['/sys/fs/cgroup/memory.current', '/sys/fs/cgroup/memory/memory.usage_in_bytes']);
  const statistics =
    systemFile('/sys/fs/cgroup/memory.stat') ?? systemFile('/sys/fs/cgroup/memory/memory.stat') ?? '';
  const withinLimit = limit === null ? Number.POSITIVE_INFINITY : roomWithin(limit, used ?? 0, statistics);
  return {
    cores: availableParallelism(),
    cpuQuota: cpuQuota(),
    memoryBytes: totalmem(),
    availableBytes: Math.max(0, Math.min(memoryAvailable(), withinLimit)),
    memoryLimitBytes: limit,
  };
}

/** Bytes that an ordinary user may still write on the file system of `folder`. */
export function diskAvailableBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
