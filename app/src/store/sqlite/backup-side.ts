import { writeBackup } from './backup-files.ts';
import { openDatabase } from './open-database.ts';
import { fromSqliteError } from './sqlite-errors.ts';
import type { WorkerReply, WorkerRequest, WorkerSetup } from './worker-messages.ts';
import type { WorkerSide } from './worker-loop.ts';

/** A thread of its own for copies of the whole file, so that reading and writing go on meanwhile. */
export function openBackupSide(setup: WorkerSetup): WorkerSide {
  const { database } = openDatabase({ path: setup.path, readOnly: true });
  const answerOne = ({ id, parameters }: WorkerRequest): WorkerReply => {
    try {
      return { id, value: writeBackup(database, String(parameters[0])) };
    } catch (error) {
      return { id, error: fromSqliteError(error).toJSON() };
    }
  };
  return {
    ready: { schemaVersion: 0, notices: [] },
    answer: async (requests) => requests.map(answerOne),
    close: () => database.close(),
  };
}
