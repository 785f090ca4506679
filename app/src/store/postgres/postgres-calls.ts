import { type Kysely, sql, type Transaction } from 'kysely';
import { isRead, runOperation } from '../operations/operations.ts';
import type { Session, StoreCall } from '../operations/session.ts';
import type { Schema } from '../schema.ts';
import { noticeChannel } from './notice-listener.ts';
import { fromPostgresError, isPassing } from './postgres-errors.ts';
import { postgresSearch } from './postgres-search.ts';

const maxTries = 5;

function newSession(database: Transaction<Schema>): Session {
  return { database, dialect: postgresSearch, notices: [], erased: null, truncateLog: false };
}

/** Calls of which two at once could both decide on what they read. They are not of one owner. */
const sharedLocks: Partial<Record<StoreCall, string>> = {
  leaseJob: 'jobs',
  recordDeliveries: 'outbox',
  replayDeadEvents: 'outbox',
  trimOutbox: 'outbox',
  purgeTrash: 'trash',
};

/** One call as one transaction. */
export function callPostgres(
  database: Kysely<Schema>,
  name: StoreCall,
  parameters: unknown[],
): Promise<{ value: unknown; session: Session }> {
  const once = isRead(name) ? readOnce : writeOnce;
  return untilOthersPassed(() => once(database, name, parameters));
}

/** Repeats a transaction that stood in another's way; what it did was undone. */
export async function untilOthersPassed<Value>(transaction: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (!isPassing(error) || tries >= maxTries) throw fromPostgresError(error);
    }
  }
}

type Once = (
  database: Kysely<Schema>,
  name: StoreCall,
  parameters: unknown[],
) => Promise<{ value: unknown; session: Session }>;

const readOnce: Once = (database, name, parameters) =>
  database
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (transaction) => {
      const session = newSession(transaction);
      return { value: await runOperation(session, name, parameters), session };
    });

/**
 * Writes of one owner follow each other, as they do with one writer in SQLite, so that what a call read is still true
 * when it writes. Owners do not wait for each other.
 */
const writeOnce: Once = (database, name, parameters) =>
  database.transaction().execute(async (transaction) => {
    const lock = typeof parameters[0] === 'string' ? `owner ${parameters[0]}` : sharedLocks[name];
    if (lock !== undefined)
      await sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`.execute(transaction);
    const session = newSession(transaction);
    const value = await runOperation(session, name, parameters);
    for (const notice of session.notices)
      await sql`select pg_notify(${noticeChannel}, ${JSON.stringify(notice)})`.execute(transaction);
    return { value, session };
  });
