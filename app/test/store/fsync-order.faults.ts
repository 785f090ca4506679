import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const program = join(import.meta.dirname, 'store-program.ts');
const tracer = join(import.meta.dirname, 'trace-program.ts');
const messages = 50;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-fsync-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The system calls of the program, one line each, with the paths of files. */
function trace(): string[] {
  const output = join(folder, 'trace');
  const command = [process.execPath, program, 'sequence', folder, String(messages)];
  const { status, stderr } = spawnSync(process.execPath, [tracer, output, ...command], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`the program could not be traced: ${stderr}`);
  return readFileSync(output, 'utf8').split('\n');
}

interface Count {
  acknowledged: number;
  /** Acknowledged without any write to the log since the one before, or with one that was not on disk. */
  early: number;
  syncs: number;
}

/** Follows the log's state from call to call: a sync covers what was written before it began. */
function follow(lines: readonly string[]): Count {
  const count: Count = { acknowledged: 0, early: 0, syncs: 0 };
  let written = 0;
  let durable = 0;
  let atLastAcknowledgement = 0;
  const syncing = new Map<string, number>();
  for (const line of lines) {
    const thread = line.split(' ', 1)[0] ?? '';
    if (/pwrite64\(\d+<[^>]*corral\.db-wal>/.test(line)) written += 1;
    if (/f(data)?sync\(\d+<[^>]*corral\.db-wal>/.test(line)) syncing.set(thread, written);
    if (/f(data)?sync.*= 0$/.test(line) && syncing.has(thread)) {
      durable = Math.max(durable, syncing.get(thread) ?? 0);
      syncing.delete(thread);
      count.syncs += 1;
    }
    if (/write\(1<.*message/.test(line)) {
      count.acknowledged += 1;
      if (durable <= atLastAcknowledgement || durable < written) count.early += 1;
      atLastAcknowledgement = durable;
    }
  }
  return count;
}

test('every acknowledgement comes after an fsync of the log that covers it', () => {
  const lines = trace();
  const count = follow(lines);
  expect(count.acknowledged).toBe(messages);
  expect(count.early).toBe(0);
  expect(count.syncs).toBeGreaterThanOrEqual(messages);
  // The watcher itself would notice: the same calls with the syncs taken out are all early.
  expect(follow(lines.filter((line) => !line.includes('sync'))).early).toBe(messages);
});
