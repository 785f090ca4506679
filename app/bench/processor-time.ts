import { readdirSync, readFileSync } from 'node:fs';

/** Processor time so far, in seconds: of the whole machine and of this process with all its descendants. */
export interface ProcessorTime {
  machineSeconds: number;
  ownSeconds: number;
  atMs: number;
}

const ticksPerSecond = 100;

export function readProcessorTime(): ProcessorTime {
  return { machineSeconds: machineBusy(), ownSeconds: ownTree(), atMs: performance.now() };
}

/** Cores' worth of time that neither we nor what we started used: 0.15 is 15 % of the wall time. */
export function foreignShare(before: ProcessorTime, after: ProcessorTime): number {
  const wallSeconds = (after.atMs - before.atMs) / 1000;
  const foreign = after.machineSeconds - before.machineSeconds - (after.ownSeconds - before.ownSeconds);
  return wallSeconds <= 0 ? 0 : Math.max(0, foreign / wallSeconds);
}

function machineBusy(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0] = line
    .split(/\s+/u)
    .slice(1)
    .map(Number);
  return (user + nice + system + interrupts + soft) / ticksPerSecond;
}

interface ProcessLine {
  parent: number;
  ticks: number;
}

function readProcess(pid: string): ProcessLine | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    // From the state on: parent is field 1; own and reaped children's times are 11 to 14.
    return { parent: fields[1] ?? 0, ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) };
  } catch {
    return null;
  }
}

function ownTree(): number {
  const processes = new Map<number, ProcessLine>();
  for (const name of readdirSync('/proc')) {
    const line = /^\d+$/u.test(name) ? readProcess(name) : null;
    if (line) processes.set(Number(name), line);
  }
  const isOurs = (pid: number): boolean => {
    let current = pid;
    for (let hops = 0; hops < 64 && current > 1; hops++) {
      if (current === process.pid) return true;
      current = processes.get(current)?.parent ?? 0;
    }
    return false;
  };
  let ticks = 0;
  for (const [pid, line] of processes) if (isOurs(pid)) ticks += line.ticks;
  return ticks / ticksPerSecond;
}
