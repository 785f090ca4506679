import { readFileSync } from 'node:fs';

/** The text of a small system file, or null where this system does not have it. */
export type ReadSystemFile = (path: string) => string | null;

const root = '/sys/fs/cgroup';
/** Version 1 writes a number near 2^63 for "no limit". */
const unlimitedBytes = 2 ** 60;

export function systemFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/** Cores' worth of time that control groups grant this process; null where none limits it. */
export function cpuQuota(read: ReadSystemFile = systemFile): number | null {
  const quotas = folders('cpu', read).flatMap((folder) => {
    const [quota, period] = (read(`${folder}/cpu.max`) ?? '').split(' ').map(Number);
    const old = ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => Number(read(`${folder}/${name}`)));
    return ratio(quota, period) ?? ratio(old[0], old[1]) ?? [];
  });
  return quotas.length === 0 ? null : Math.min(...quotas);
}

/** The smallest limit of the control groups of this process, and what the fullest of them has left; null: no limit. */
export function groupMemory(
  read: ReadSystemFile = systemFile,
): { limitBytes: number; availableBytes: number } | null {
  const groups = folders('memory', read).flatMap((folder) => {
    const bytes = (...names: string[]): number | null =>
      bytesIn(names.map((name) => read(`${folder}/${name}`)));
    const limitBytes = bytes('memory.max', 'memory.limit_in_bytes');
    if (limitBytes === null) return [];
    const used = bytes('memory.current', 'memory.usage_in_bytes') ?? 0;
    return { limitBytes, availableBytes: roomWithin(limitBytes, used, read(`${folder}/memory.stat`) ?? '') };
  });
  if (groups.length === 0) return null;
  return {
    limitBytes: Math.min(...groups.map((group) => group.limitBytes)),
    availableBytes: Math.min(...groups.map((group) => group.availableBytes)),
  };
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

/**
 * Where the control groups of this process tell their limits, of version 2 and 1: its own, and those above it, whose
 * limits hold for it too. A service of systemd has one of its own; a container sees its own as the uppermost.
 */
function folders(controller: 'cpu' | 'memory', read: ReadSystemFile): string[] {
  const found = (read('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => {
    const [, names, path = ''] = /^\d+:([^:]*):(\/.*)$/u.exec(line) ?? [];
    if (names === '') return upwards(path).map((group) => root + group);
    const isMeant = names?.split(',').includes(controller) === true;
    return isMeant ? upwards(path).map((group) => `${root}/${controller}${group}`) : [];
  });
  return [...new Set([...found, root, `${root}/${controller}`])];
}

/** `/a/b`, `/a` and the empty text. */
function upwards(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  // Seen from inside a namespace, a group outside of it has no name here.
  if (parts.includes('..')) return [''];
  return parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`).concat('');
}

function ratio(quota: number | undefined, period: number | undefined): number | null {
  const isGiven = quota !== undefined && period !== undefined && quota > 0 && period > 0;
  return isGiven && Number.isFinite(quota / period) ? quota / period : null;
}

function bytesIn(texts: readonly (string | null)[]): number | null {
  for (const text of texts) {
    const value = text === null ? Number.NaN : Number(text);
    if (Number.isFinite(value) && value < unlimitedBytes) return value;
  }
  return null;
}
