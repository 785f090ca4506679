import { readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { address, load, type LibraryHandle } from 'koffi';
import type { Pointer } from './structs.ts';

const setParentDeathSignal = 1;
const killSignal = 9;
/** The kernel ends the process with the highest score first when memory runs out. */
const outOfMemoryScore = '900';

function openLibc(): LibraryHandle | null {
  for (const name of ['libc.so.6', 'libc.musl-x86_64.so.1', 'libSystem.B.dylib']) {
    try {
      return load(name);
    } catch {
      continue;
    }
  }
  return null;
}

const libc = openLibc();

/** Address of a C function, or null where there is no C library to be found. */
export function libcAddress(name: string): Pointer {
  try {
    return libc === null ? null : (libc.symbol(name) as Pointer);
  } catch {
    return null;
  }
}

/**
 * A decode keeps this thread busy for seconds, so the end of the parent cannot be seen as the end of a pipe:
 * the kernel is asked to kill this process with it.
 */
export function dieWithParent(): boolean {
  if (libc === null || process.platform !== 'linux') return false;
  const prctl = libc.func('prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong']) as (
    ...words: number[]
  ) => number;
  return prctl(setParentDeathSignal, killSignal, 0, 0, 0) === 0 && process.ppid !== 1;
}

/** Makes this process the first that the kernel takes when memory runs out, before the server and the database. */
export function beFirstToBeKilled(): boolean {
  try {
    writeFileSync('/proc/self/oom_score_adj', outOfMemoryScore);
    return true;
  } catch {
    return false;
  }
}

const threadClock = 3;
const timeSpec = new BigInt64Array(new SharedArrayBuffer(128));
const timeSpecAddress = address(timeSpec);
const clockGetTime =
  process.platform === 'linux' ? (libc?.func('clock_gettime', 'int', ['int', 'void *']) ?? null) : null;

/** Processor time of this thread so far; 0 where the system does not tell. */
export function threadMs(): number {
  if (clockGetTime === null || clockGetTime(threadClock, timeSpecAddress) !== 0) return 0;
  return Number(timeSpec[0]) * 1000 + Number(timeSpec[1]) / 1e6;
}

const readable = 1;
const pollWords = new Int32Array(new SharedArrayBuffer(128));
const pollAddress = address(pollWords);
const poll =
  process.platform === 'win32' ? null : (libc?.func('poll', 'int', ['void *', 'ulong', 'int']) ?? null);

/** Whether something can be read from a descriptor now, its end included; true where the system does not tell. */
export function hasInput(descriptor: number): boolean {
  if (poll === null) return true;
  pollWords[0] = descriptor;
  // Two 16-bit words: what is asked for, and above it what the system answers.
  pollWords[1] = readable;
  return poll(pollAddress, 1, 0) !== 0;
}

const largePage = 2n * 1024n * 1024n;
const adviseLargePages = 14;
const madvise =
  process.platform === 'linux' ? (libc?.func('madvise', 'int', ['uint64', 'size_t', 'int']) ?? null) : null;

/**
 * Asks for pages of 2 MB under memory that nobody has touched yet: the system hands out a page at its first touch, and
 * five hundred small ones take several times as long as a large one.
 */
export function onLargePages(memory: Buffer): Buffer {
  const start = address(memory);
  const from = ((start + largePage - 1n) / largePage) * largePage;
  const to = ((start + BigInt(memory.length)) / largePage) * largePage;
  if (to > from) madvise?.(from, Number(to - from), adviseLargePages);
  return memory;
}

export function seesNoNetwork(): boolean {
  return Object.values(networkInterfaces()).every((addresses) =>
    (addresses ?? []).every((address) => address.internal),
  );
}

export function residentBytes(): number {
  try {
    const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]);
    return pages * 4096;
  } catch {
    return process.memoryUsage.rss();
  }
}
