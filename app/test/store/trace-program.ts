/**
 * `node trace-program.ts OUTPUT COMMAND…` runs a command and writes which of its threads wrote and synced what, in
 * strace's manner, one line a call. It is strace as far as one test needs it, so that the test needs nothing installed.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readlinkSync, readSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';

const requests = { continueToCall: 24, seize: 0x42_06, interrupt: 0x42_07, callInfo: 0x42_0e } as const;
/** Mark stops at system calls; follow clones, forks and what they execute; end the program when this one ends. */
const options = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x10_00_00;
const waitForAllKinds = 0x40_00_00_00;
const trap = 5;
const callStop = trap | 0x80;
/** Of `struct ptrace_syscall_info`, in bytes. */
const info = { size: 88, value: 24, parameters: 32, isEntry: 1 } as const;
const shownBytes = 24;

const numbers: Record<string, Record<number, string>> = {
  x64: { 1: 'write', 18: 'pwrite64', 74: 'fsync', 75: 'fdatasync' },
  arm64: { 64: 'write', 68: 'pwrite64', 82: 'fsync', 83: 'fdatasync' },
};
const names = numbers[process.arch] ?? {};

const library = koffi.load('libc.so.6');
const ptrace = library.func('long ptrace(long request, long pid, size_t address, size_t data)');
const ptraceInto = library.func('ptrace', 'long', ['long', 'long', 'size_t', 'void *']);
const waitpid = library.func('int waitpid(int pid, _Out_ int *status, int options)');

const lines: string[] = [];
/** Thread → the sync that it is in. */
const syncing = new Map<number, string>();

function attach(pid: number): void {
  for (const thread of readdirSync(`/proc/${pid}/task`).map(Number)) {
    if (ptrace(requests.seize, thread, 0, options) !== 0)
      throw new Error('this test traces a child process, which this machine does not allow (ptrace)');
    ptrace(requests.interrupt, thread, 0, 0);
  }
}

function pathOf(pid: number, descriptor: bigint): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return '?';
  }
}

function memoryOf(pid: number, address: bigint, length: bigint): string {
  const bytes = Buffer.alloc(Math.min(shownBytes, Number(length)));
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    readSync(memory, bytes, 0, bytes.length, address);
  } finally {
    closeSync(memory);
  }
  return bytes.toString('latin1').replaceAll(/[^ -~]/g, '.');
}

function onCall(pid: number, thread: number): void {
  const bytes = Buffer.alloc(info.size);
  ptraceInto(requests.callInfo, thread, bytes.length, bytes);
  const began = syncing.get(thread);
  if (bytes[0] !== info.isEntry) {
    if (began !== undefined)
      lines.push(`${thread} <... ${began} resumed>) = ${bytes.readBigInt64LE(info.value)}`);
    syncing.delete(thread);
    return;
  }
  const name = names[Number(bytes.readBigUInt64LE(info.value))];
  if (name === undefined) return;
  const [descriptor, address, length] = [0, 8, 16].map((at) => bytes.readBigUInt64LE(info.parameters + at));
  const file = `${thread} ${name}(${descriptor}<${pathOf(pid, descriptor ?? 0n)}>`;
  if (name.includes('sync')) {
    syncing.set(thread, name);
    lines.push(`${file} <unfinished ...>`);
  } else lines.push(`${file}, "${memoryOf(pid, address ?? 0n, length ?? 0n)}"`);
}

const [output = '', command = '', ...parameters] = process.argv.slice(2);
const child = spawn(command, parameters, { stdio: 'inherit' });
const pid = child.pid ?? 0;
attach(pid);
const status: number[] = [0];
for (
  let thread = waitpid(-1, status, waitForAllKinds);
  thread > 0;
  thread = waitpid(-1, status, waitForAllKinds)
) {
  const state = status[0] ?? 0;
  if ((state & 0xff) !== 0x7f) continue;
  const signal = (state >> 8) & 0xff;
  const isEvent = state >> 16 !== 0;
  if (signal === callStop) onCall(pid, thread);
  ptrace(requests.continueToCall, thread, 0, isEvent || signal === callStop ? 0 : signal);
}
writeFileSync(output, `${lines.join('\n')}\n`);
process.exit(0);
