import type { BackupContents } from '../../contracts/api/system.ts';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../contracts/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { createFileTurns } from '../file-turns.ts';
import type { StoreCall } from '../operations/session.ts';
import { createRunNotices, toNotice } from '../run-notices.ts';
import type { Store, StoreHealth } from '../store.ts';
import { createGate, openGate } from './gate.ts';
import { type HeldCalls, holdCalls } from './held-calls.ts';
import { rememberModelSettings } from './remembered-settings.ts';
import { openWorker, type WorkerClient } from './worker-client.ts';
import type { WorkerReply, WorkerSetup } from './worker-messages.ts';

const defaultReserveBytes = 16 * 1024 * 1024;

export interface SqliteStoreOptions {
  /** CORRAL_HOME: the database is `corral.db` in it. */
  home: string;
  clock: Clock;
  log: Log;
  reserveBytes?: number;
}

/**
 * The store on SQLite: one thread writes, another reads, so neither a commit nor a search holds up the caller's event
 * loop. Calls that are made while a commit goes on share the next one.
 */
export async function createSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const setup: WorkerSetup = {
    home: options.home,
    path: join(options.home, 'corral.db'),
    now: options.clock.now(),
    reserveBytes: options.reserveBytes ?? defaultReserveBytes,
  };
  const { writer, reader } = await openSides(setup);
  for (const notice of writer.ready.notices) options.log.warn({ part: 'store' }, notice);
  return assemble({ setup, writer, reader, clock: options.clock });
}

/** Both threads start at once; the reader opens the database when the writer has made it whole and current. */
async function openSides(setup: WorkerSetup): Promise<Pick<Parts, 'writer' | 'reader'>> {
  const gate = createGate();
  const writing = openWorker(new URL('writer.worker.ts', import.meta.url), setup);
  const reading = openWorker(new URL('reader.worker.ts', import.meta.url), { ...setup, gate });
  const sides = await Promise.allSettled([writing.finally(() => openGate(gate)), reading]);
  try {
    return { writer: await writing, reader: await reading };
  } catch (error) {
    for (const side of sides) if (side.status === 'fulfilled') await side.value.close();
    throw error;
  }
}

interface Parts {
  setup: WorkerSetup;
  writer: WorkerClient;
  reader: WorkerClient;
  clock: Clock;
}

function assemble(parts: Parts): Store {
  const { writer, reader, setup, clock } = parts;
  const runNotices = createRunNotices();
  const takeTurn = createFileTurns();
  const written = holdCalls(writer);

  const settle = async (reply: WorkerReply): Promise<unknown> => {
    for (const notice of reply.notices ?? []) runNotices.publish(notice);
    if (reply.erased || reply.logIsHeld === true) await takeTurn(() => clearFiles(parts, reply));
    return reply.value;
  };
  const reading = reader.ready.calls.map((name) => [
    name,
    async (...parameters: unknown[]) => (await reader.call(name, parameters)).value,
  ]);
  const writing = writer.ready.calls.map((name) => [
    name,
    async (...parameters: unknown[]) => settle(await written.call(name, parameters)),
  ]);
  const calls = Object.fromEntries([...reading, ...writing]) as unknown as Pick<Store, StoreCall>;

  const { forget, ...settings } = rememberModelSettings(calls);

  return {
    ...calls,
    ...settings,
    watchRun: (owner, runId, signal) =>
      runNotices.watch(runId, async () => toNotice(await calls.getRun(owner, runId)), signal),
    async health() {
      const { value } = await writer.call('$health', []);
      const { schemaVersion, notices } = writer.ready;
      return {
        kind: 'sqlite',
        schemaVersion,
        notices,
        ...(value as Pick<StoreHealth, 'writable' | 'sizeBytes'>),
      };
    },
    async backup(path) {
      return (await takeTurn(() => aside(setup, '$backup', path))) as { sizeBytes: number };
    },
    async restoreBackup(path) {
      const restored = await takeTurn(() => restore({ ...setup, now: clock.now() }, written, path));
      forget();
      runNotices.recheck();
      return restored;
    },
    async readBackup(path) {
      return (await aside(setup, '$contents', path)) as BackupContents;
    },
    async close() {
      await reader.close();
      await writer.close();
    },
  };
}

/** The rows are gone, so nobody can ask again: where one part fails, the other is done all the same. */
async function clearFiles({ setup, writer }: Parts, { erased, logIsHeld }: WorkerReply): Promise<void> {
  try {
    if (erased) await aside(setup, '$scrub', erased);
  } finally {
    if (logIsHeld === true) await emptyLog(writer);
  }
}

const logTries = 600;
const logTryEveryMs = 100;

/** Deleted text leaves the log as soon as nobody reads an older state. */
async function emptyLog(writer: WorkerClient): Promise<void> {
  for (let tries = 0; tries < logTries; tries++) {
    if ((await writer.call('$emptyLog', [])).value === true) return;
    await sleep(logTryEveryMs);
  }
  throw new AppError(
    'store-unavailable',
    'It is deleted, but its text is still in the log of the database.',
    {
      hint: 'Something has kept corral.db open for reading for a minute; end it, then restart Corral.',
    },
  );
}

/** Writers are held up only for what must be in one with what is there: the backup of it and the last step. */
function restore(setup: WorkerSetup, written: HeldCalls, path: string): Promise<{ previous: string }> {
  return withHelper(setup, async (helper) => {
    await helper.call('$prepare', [path]);
    const { value } = await written.holdFor(() => helper.call('$replace', []));
    return value as { previous: string };
  });
}

async function aside(setup: WorkerSetup, name: string, parameter: unknown): Promise<unknown> {
  return withHelper(setup, async (helper) => (await helper.call(name, [parameter])).value);
}

/** Work on whole files, in a thread that lives as long as it takes. */
async function withHelper<Result>(
  setup: WorkerSetup,
  work: (helper: WorkerClient) => Promise<Result>,
): Promise<Result> {
  const helper = await openWorker(new URL('backup.worker.ts', import.meta.url), setup);
  try {
    return await work(helper);
  } finally {
    await helper.close();
  }
}
