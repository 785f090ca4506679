import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { beforeExec } from '../../../test/fixtures/before-exec.ts';
import { locksOn } from '../../../test/fixtures/file-locks.ts';
import { openReader } from './reader.ts';
import { runWorkerLoop, type WorkerSide } from './worker-loop.ts';
import type { WorkerReply, WorkerSetup } from './worker-messages.ts';
import { openWriter } from './writer.ts';

let home: string;
let setup: WorkerSetup;
let side: WorkerSide;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'corral-writer-'));
  setup = { home, path: join(home, 'corral.db'), now: Date.now(), reserveBytes: 4096 };
  side = await openWriter(setup);
});
afterEach(() => {
  side.close();
  rmSync(home, { recursive: true });
});

const write = async (): Promise<WorkerReply['error']> => {
  const [reply] = await side.answer([{ id: 1, name: 'setOutboxDisabled', parameters: [null] }]);
  return reply?.error;
};

/** SQLite gives an error of the disk for the next statements that begin so. */
function failing(...statements: string[]): void {
  beforeExec((sql) => {
    const at = statements.findIndex((statement) => sql.startsWith(statement));
    if (at < 0) return;
    statements.splice(at, 1);
    throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 });
  });
}

test.each([
  ['once', ['COMMIT']],
  ['also for the new connection', ['COMMIT', 'PRAGMA synchronous']],
  ['again and again', ['COMMIT', 'PRAGMA synchronous', 'PRAGMA synchronous', 'PRAGMA busy_timeout']],
  ['also while the failed write is undone', ['COMMIT', 'ROLLBACK']],
])('after a disk that failed %s, writing goes on without a restart', async (_how, statements) => {
  failing(...statements);
  expect(await write()).toMatchObject({ code: 'input-output' });
  for (let calls = 0; calls < statements.length; calls += 1) await write();
  expect(await write()).toBeUndefined();
});

test('a new connection leaves the locks of the others on the file', async () => {
  const reader = await openReader(setup);
  onTestFinished(() => reader.close());
  const held = locksOn(setup.path);
  expect(held).toBeGreaterThan(0);
  failing('COMMIT');
  expect(await write()).toMatchObject({ code: 'input-output' });
  expect(await write()).toBeUndefined();
  expect(locksOn(setup.path)).toBe(held);
});

test('what a worker cannot deal with ends the calls it had, not the worker', async () => {
  const { port1, port2 } = new MessageChannel();
  let calls = 0;
  const answer: WorkerSide['answer'] = async (requests) => {
    calls += 1;
    if (calls === 1) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
    return requests.map(({ id }) => ({ id, value: 'done' }));
  };
  const told: unknown[] = [];
  port1.on('message', (message) => told.push(message));
  await runWorkerLoop(port2, async () => ({
    ready: { schemaVersion: 1, notices: [], calls: [] },
    answer,
    close: () => undefined,
  }));
  for (const id of [1, 2]) {
    port1.postMessage([{ id, name: 'any', parameters: [] }]);
    await vi.waitUntil(() => told.length === id + 1, { timeout: 20_000 });
  }
  expect(told.slice(1)).toMatchObject([
    [{ id: 1, error: { code: 'input-output' } }],
    [{ id: 2, value: 'done' }],
  ]);
  port1.close();
});
