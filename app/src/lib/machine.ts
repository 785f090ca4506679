import { statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { cpuQuota, groupMemory, systemFile } from './control-group.ts';

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

function memoryAvailable(): number {
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(systemFile('/proc/meminfo') ?? '');
  return match ? Number(match[1]) * 1024 : freemem();
}

/** What this process may use of the machine, control groups included. Reads a few small files; cheap. */
export function readMachine(): Machine {
  const group = groupMemory();
  return {
    cores: availableParallelism(),
    cpuQuota: cpuQuota(),
    memoryBytes: totalmem(),
    availableBytes: Math.max(
      0,
      Math.min(memoryAvailable(), group?.availableBytes ?? Number.POSITIVE_INFINITY),
    ),
    memoryLimitBytes: group?.limitBytes ?? null,
  };
}

/** Bytes that an ordinary user may still write on the file system of `folder`. */
export function diskAvailableBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
