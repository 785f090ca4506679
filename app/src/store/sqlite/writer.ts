import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { AppError } from '../../contracts/app-error.ts';
import { runOperation, writeCallNames } from '../operations/operations.ts';
import type { StoreCall } from '../operations/session.ts';
import type { Schema } from '../schema.ts';
import { rememberDamage } from './integrity.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { busyTimeoutMs, openDatabase } from './open-database.ts';
import { prepareDatabase } from './prepare-database.ts';
import { newSession } from './reader.ts';
import { createReserve, type Reserve } from './reserve.ts';
import { claimOf, claimOfFolding, type ReserveClaim, takeSlice } from './reserve-claims.ts';
import { fromSqliteError } from './sqlite-errors.ts';
import { Writability } from './writability.ts';
import type { WorkerReply, WorkerRequest, WorkerSetup } from './worker-messages.ts';
import type { WorkerSide } from './worker-loop.ts';

/** More calls than this do not share one commit, so that the first of them is not kept waiting. */
const maxCallsPerCommit = 256;

interface Connection {
  database: DatabaseSync;
  kysely: Kysely<Schema>;
}

interface Writer {
  setup: WorkerSetup;
  reserve: Reserve;
  /** Null after an error of the disk, until the next call: a new one is made then. */
  connection: Connection | null;
  writability: Writability;
}

/** The one writing connection: checked, migrated, and sharing commits between calls that wait at the same time. */
export async function openWriter(setup: WorkerSetup): Promise<WorkerSide> {
  const reserve = createReserve(setup.home, setup.reserveBytes);
  const prepared = await prepareDatabase(setup, reserve);
  const writer: Writer = {
    setup,
    reserve,
    connection: connect(prepared.database),
    writability: new Writability(setup.home, reserve),
  };
  reserve.refill();
  return {
    ready: { schemaVersion: prepared.schemaVersion, notices: prepared.notices, calls: writeCallNames },
    async answer(requests) {
      const replies: WorkerReply[] = [];
      for (let at = 0; at < requests.length; at += maxCallsPerCommit)
        replies.push(...(await answerTogether(writer, requests.slice(at, at + maxCallsPerCommit))));
      return replies;
    },
    close: () => writer.connection?.database.close(),
  };
}

function connect(database: DatabaseSync): Connection {
  return { database, kysely: new Kysely<Schema>({ dialect: nodeSqliteDialect(database) }) };
}

/** Throws where the disk is still away. */
function connectionOf(writer: Writer): Connection {
  writer.connection ??= connect(openDatabase({ path: writer.setup.path, readOnly: false }).database);
  return writer.connection;
}

async function answerTogether(writer: Writer, requests: WorkerRequest[]): Promise<WorkerReply[]> {
  const special = requests.filter((request) => request.name.startsWith('$'));
  const calls = requests.filter((request) => !request.name.startsWith('$'));
  const replies = special.map((request) => answerSpecial(writer, request));
  if (calls.length === 0) return replies;
  try {
    return [...replies, ...(await commitTogether(writer, calls))];
  } catch (error) {
    const failure = fromSqliteError(error);
    recover(writer, failure);
    if (failure.code !== 'disk-full') {
      for (const { parameters } of calls) writer.writability.refused(failure, parameters);
      return [...replies, ...calls.map(({ id }) => ({ id, error: failure.toJSON() }))];
    }
    for (const call of calls) replies.push(await answerOnFullDisk(writer, call));
    return replies;
  }
}

/** One transaction; a call that fails by itself is undone alone, the others are kept. Throws when nothing was kept. */
async function commitTogether(writer: Writer, calls: WorkerRequest[]): Promise<WorkerReply[]> {
  const { database, kysely } = connectionOf(writer);
  const replies: WorkerReply[] = [];
  const erasing: WorkerReply[] = [];
  const kept: WorkerRequest[] = [];
  database.exec('BEGIN IMMEDIATE');
  for (const call of calls) {
    database.exec('SAVEPOINT one_call');
    const session = newSession(kysely);
    try {
      const value = await runOperation(session, call.name as StoreCall, call.parameters);
      database.exec('RELEASE one_call');
      const reply: WorkerReply = {
        id: call.id,
        value,
        notices: session.notices,
        ...(session.erased ? { erased: session.erased } : {}),
      };
      replies.push(reply);
      kept.push(call);
      if (session.truncateLog) erasing.push(reply);
    } catch (error) {
      // A full disk and the like end the whole transaction by themselves.
      const failure = fromSqliteError(error);
      if (!database.isTransaction || concernsAll(failure)) throw error;
      database.exec('ROLLBACK TO one_call');
      database.exec('RELEASE one_call');
      replies.push({ id: call.id, error: failure.toJSON() });
    }
  }
  database.exec('COMMIT');
  for (const { name, parameters } of kept) writer.writability.taken(name, parameters);
  if (erasing.length > 0 && !emptyLog(writer)) for (const reply of erasing) reply.logIsHeld = true;
  writer.reserve.refill();
  return replies;
}

const concernsAll = (error: AppError): boolean =>
  ['disk-full', 'input-output', 'store-damaged', 'home-not-writable'].includes(error.code);

async function answerOnFullDisk(writer: Writer, call: WorkerRequest): Promise<WorkerReply> {
  const claim = claimOf(call.name);
  for (let tries = 0; ; tries++) {
    const hasMoreRoom = claim !== undefined && makeRoom(writer, claim, tries);
    try {
      const [reply] = await commitTogether(writer, [call]);
      return reply ?? { id: call.id };
    } catch (error) {
      const failure = fromSqliteError(error);
      recover(writer, failure);
      if (failure.code === 'disk-full' && hasMoreRoom) continue;
      writer.writability.refused(failure, call.parameters);
      return { id: call.id, error: failure.toJSON() };
    }
  }
}

/** Folding the log into the database gives its space back; that takes some first. False: nothing is left to be given. */
function makeRoom(writer: Writer, claim: ReserveClaim, tries: number): boolean {
  const isReleased = takeSlice(writer.reserve, claim, tries);
  try {
    emptyLogOf(connectionOf(writer).database);
  } catch {
    // The call is tried all the same: it may need less.
  }
  return isReleased;
}

/** Folds the log into the database and cuts it to nothing. False: somebody still reads from it, or the disk is full. */
function emptyLog(writer: Writer): boolean {
  for (let tries = 0; ; tries++) {
    try {
      return emptyLogOf(connectionOf(writer).database);
    } catch (error) {
      const isFull = fromSqliteError(error).code === 'disk-full';
      if (!isFull || !takeSlice(writer.reserve, claimOfFolding, tries)) return false;
    }
  }
}

function emptyLogOf(database: DatabaseSync): boolean {
  // Nobody waits for a reader here: other calls go on, and this one is tried again.
  database.exec('PRAGMA busy_timeout=0');
  try {
    const row = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number } | undefined;
    return row?.busy === 0;
  } finally {
    database.exec(`PRAGMA busy_timeout=${busyTimeoutMs}`);
  }
}

/**
 * After a failed commit. Never throws: the disk may be away for longer. An error of the disk leaves the state of the
 * connection in doubt, so the next call makes a new one.
 */
function recover(writer: Writer, failure: AppError): void {
  rememberDamage(writer.setup.path, failure);
  const database = writer.connection?.database;
  try {
    if (database?.isTransaction) database.exec('ROLLBACK');
    if (failure.code !== 'input-output') return;
  } catch {
    // A connection that cannot even undo is in doubt as well.
  }
  writer.connection = null;
  try {
    database?.close();
  } catch {
    // What it held of the file goes with it.
  }
}

function answerSpecial(writer: Writer, request: WorkerRequest): WorkerReply {
  if (request.name === '$health') {
    const { path } = writer.setup;
    const sizeBytes = [path, `${path}-wal`]
      .map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0);
    return { id: request.id, value: { writable: writer.writability.isWritable(), sizeBytes } };
  }
  if (request.name === '$emptyLog') return { id: request.id, value: emptyLog(writer) };
  return { id: request.id, error: { code: 'internal', message: `There is no request ${request.name}.` } };
}
