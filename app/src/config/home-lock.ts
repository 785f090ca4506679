import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../contracts/app-error.ts';

/** Who holds a CORRAL_HOME. `address` and `token` are there once a server listens. */
const holderSchema = z.strictObject({
  pid: z.int().positive(),
  /** Start time of that process in clock ticks since boot: a process id alone may have been given to another. */
  startTicks: z.string(),
  address: z.string().optional(),
  /** Lets the command line of the same user in without the access key. */
  token: z.string().optional(),
  /** It takes no more requests, and lets go of the folder when all is saved. */
  isStopping: z.boolean().optional(),
});
export type LockHolder = z.infer<typeof holderSchema>;

export interface HomeLock {
  /** Tells the command line where the server is. */
  publish(address: string, token: string): void;
  /** Tells who wants the folder next that it is worth waiting. */
  stopping(): void;
  release(): void;
}

/** Longer than a server takes to stop. */
const patienceMs = 25_000;
const lookEveryMs = 50;

/** Field 22 of /proc/PID/stat; the name in field 2 may hold spaces, so fields are counted from its end. */
function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function isRunning(holder: LockHolder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const ticks = startTicks(holder.pid);
  return ticks === null || ticks === holder.startTicks;
}

/** The running holder, or null: no file, a damaged file, or one left behind by a process that is gone. */
export function readLock(file: string): LockHolder | null {
  try {
    const holder = holderSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return isRunning(holder) ? holder : null;
  } catch {
    return null;
  }
}

function create(file: string, holder: LockHolder): void {
  const descriptor = openSync(file, 'wx', 0o600);
  writeSync(descriptor, JSON.stringify(holder));
  closeSync(descriptor);
}

/** In one step: who reads a file that is half written would take the folder. */
function replace(file: string, holder: LockHolder): void {
  const next = `${file}.next`;
  rmSync(next, { force: true });
  create(next, holder);
  renameSync(next, file);
}

function inUse(file: string, holder: LockHolder): AppError {
  const where = holder.address ? `a server at ${holder.address}` : 'another corral command';
  return new AppError('home-in-use', `${where} (process ${holder.pid}) is using this CORRAL_HOME: ${file}`, {
    hint: holder.address
      ? `Open ${holder.address}, stop that server, or set CORRAL_HOME to another folder.`
      : 'Wait until it is done, or start the server once with npm start: commands then share it.',
    details: { pid: holder.pid, address: holder.address },
  });
}

/** Waits for a server that is about to let go of the folder: who stops one and starts it again need not wait himself. */
export async function untilStopped(file: string, onWait: () => void = () => undefined): Promise<void> {
  const deadline = performance.now() + patienceMs;
  if (readLock(file)?.isStopping !== true) return;
  onWait();
  while (readLock(file)?.isStopping === true && performance.now() < deadline) await delay(lookEveryMs);
}

/** Takes the folder for this process; throws `home-in-use` while another one that still runs holds it. */
export function takeLock(file: string): HomeLock {
  const own: LockHolder = { pid: process.pid, startTicks: startTicks(process.pid) ?? '' };
  for (let attempt = 0; ; attempt++) {
    const holder = readLock(file);
    if (holder) throw inUse(file, holder);
    rmSync(file, { force: true });
    try {
      create(file, own);
      break;
    } catch (error) {
      // Another process was faster; the next round sees its file.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 10) throw error;
    }
  }
  return {
    publish: (address, token) => replace(file, { ...own, address, token }),
    stopping: () => {
      try {
        replace(file, { ...own, isStopping: true });
      } catch {
        // A full disk: then nobody is told, and the server stops all the same.
      }
    },
    release: () => {
      if (readLock(file)?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}
