import { createHash } from 'node:crypto';
import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
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

function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function runningHolder(content: string | null): LockHolder | null {
  try {
    const holder = holderSchema.parse(JSON.parse(content ?? ''));
    return isRunning(holder) ? holder : null;
  } catch {
    return null;
  }
}

/** The running holder, or null: no file, a damaged file, or one left behind by a process that is gone. */
export function readLock(file: string): LockHolder | null {
  return runningHolder(contentOf(file));
}

/** In one step, with all that it says: who reads a file that is half written would take the folder. */
function place(file: string, holder: LockHolder, put: (draft: string, file: string) => void): void {
  const draft = `${file}.${holder.pid}-${holder.startTicks}`;
  try {
    writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
    put(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

const noLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** Throws where the file is there. */
function putWhereNoneIs(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    // Some file systems (FAT, shares) know no second name of a file; then it is whole a moment later.
    if (!noLinks.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    copyFileSync(draft, file, constants.COPYFILE_EXCL);
  }
}

function inUse(file: string, holder: LockHolder): AppError {
  const where = holder.address ? `a server at ${holder.address}` : 'another corral command';
  return new AppError(
    'home-in-use',
    `${where} (process ${holder.pid}) is using this CORRAL_HOME: ${dirname(file)}`,
    {
      hint: holder.address
        ? `Open ${holder.address}, stop that server, or set CORRAL_HOME to another folder.`
        : 'Wait until it is done, or start the server once with npm start: commands then share it.',
      details: { pid: holder.pid, address: holder.address },
    },
  );
}

/** Waits for a server that is about to let go of the folder: who stops one and starts it again need not wait himself. */
export async function untilStopped(file: string, onWait: () => void = () => undefined): Promise<void> {
  const deadline = performance.now() + patienceMs;
  if (readLock(file)?.isStopping !== true) return;
  onWait();
  while (readLock(file)?.isStopping === true && performance.now() < deadline) await delay(lookEveryMs);
}

/** Throws `home-in-use` while another one that still runs has the file. */
function take(file: string, own: LockHolder): void {
  for (let attempt = 0; ; attempt++) {
    try {
      place(file, own, putWhereNoneIs);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 100) throw error;
    }
    const found = contentOf(file);
    const holder = runningHolder(found);
    if (holder) throw inUse(file, holder);
    // Null: somebody let go of it since.
    if (found !== null && isReplaced(file, found, own)) return;
  }
}

/**
 * What a process that is gone left behind is replaced by one at a time, as several may find it: who came second would
 * put itself in the place of the first. The right to do so is a lock as well, named after what was found.
 */
function isReplaced(file: string, found: string, own: LockHolder): boolean {
  const right = `${file}.after-${createHash('sha256').update(found).digest('hex').slice(0, 16)}`;
  take(right, own);
  try {
    if (contentOf(file) !== found) return false;
    place(file, own, renameSync);
    return true;
  } finally {
    rmSync(right, { force: true });
  }
}

/** Takes the folder for this process; throws `home-in-use` while another one that still runs holds it. */
export function takeLock(file: string): HomeLock {
  const own: LockHolder = { pid: process.pid, startTicks: startTicks(process.pid) ?? '' };
  take(file, own);
  return {
    publish: (address, token) => place(file, { ...own, address, token }, renameSync),
    stopping: () => {
      try {
        place(file, { ...own, isStopping: true }, renameSync);
      } catch {
        // A full disk: then nobody is told, and the server stops all the same.
      }
    },
    release: () => {
      if (readLock(file)?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}
