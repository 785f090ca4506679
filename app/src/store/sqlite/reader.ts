import { Kysely } from 'kysely';
import { isRead, readCallNames, runOperation } from '../operations/operations.ts';
import type { Session } from '../operations/session.ts';
import type { Schema } from '../schema.ts';
import { AppError } from '../../contracts/app-error.ts';
import { rememberDamage } from './integrity.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { openDatabase } from './open-database.ts';
import { fromSqliteError } from './sqlite-errors.ts';
import { sqliteSearch } from './sqlite-search.ts';
import type { WorkerReply, WorkerRequest, WorkerSetup } from './worker-messages.ts';
import type { WorkerSide } from './worker-loop.ts';

export function newSession(database: Kysely<Schema>): Session {
  return { database, dialect: sqliteSearch, notices: [], erased: null, truncateLog: false };
}

/** The read-only side: each request sees one consistent state of the database. */
export async function openReader(setup: WorkerSetup): Promise<WorkerSide> {
  const { database } = openDatabase({ path: setup.path, readOnly: true });
  const kysely = new Kysely<Schema>({ dialect: nodeSqliteDialect(database) });

  const answerOne = async (request: WorkerRequest): Promise<WorkerReply> => {
    const { id, name, parameters } = request;
    try {
      if (!isRead(name)) throw new AppError('internal', `${name} is no reading call.`);
      database.exec('BEGIN');
      return { id, value: await runOperation(newSession(kysely), name, parameters) };
    } catch (error) {
      const failure = fromSqliteError(error);
      rememberDamage(setup.path, failure);
      return { id, error: failure.toJSON() };
    } finally {
      if (database.isTransaction) database.exec('ROLLBACK');
    }
  };

  return {
    ready: { schemaVersion: 0, notices: [], calls: readCallNames },
    async answer(requests) {
      const replies: WorkerReply[] = [];
      for (const request of requests) replies.push(await answerOne(request));
      return replies;
    },
    close: () => database.close(),
  };
}
