import { join } from 'node:path';
import { Kysely } from 'kysely';
import type { BackupContents } from '../../contracts/api/system.ts';
import { backupKind, readLines, writeLines } from '../archive-file.ts';
import { archiveContents, exportLines } from '../archive.ts';
import { backupName } from '../backup-names.ts';
import type { Erased } from '../operations/session.ts';
import { passingFile, removePassingFile } from '../passing-files.ts';
import type { Schema } from '../schema.ts';
import { writeBackup } from './backup-files.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { openDatabase } from './open-database.ts';
import { databaseContents, prepareRestore, restoreDatabase } from './restore-database.ts';
import { scrubBackups } from './scrub-backups.ts';
import { fromSqliteError } from './sqlite-errors.ts';
import type { WorkerReply, WorkerRequest, WorkerSetup } from './worker-messages.ts';
import type { WorkerSide } from './worker-loop.ts';

/** A thread of its own for work on whole files, so that reading and writing go on meanwhile. */
export function openBackupSide(setup: WorkerSetup): WorkerSide {
  /** What a backup is prepared in that is to be restored. */
  const copy = passingFile(join(setup.home, 'tmp'), 'restore');
  const works: Record<string, (parameter: unknown) => Promise<unknown>> = {
    $backup: (path) => makeBackup(setup, String(path)),
    $prepare: (path) => prepareRestore(String(path), copy),
    $replace: () => replace(setup, copy),
    $contents: (path) => contentsOf(String(path)),
    $scrub: (erased) => scrubBackups(setup.home, erased as Erased),
  };
  const answerOne = async ({ id, name, parameters }: WorkerRequest): Promise<WorkerReply> => {
    try {
      return { id, value: await works[name]?.(parameters[0]) };
    } catch (error) {
      return { id, error: fromSqliteError(error).toJSON() };
    }
  };
  return {
    ready: { schemaVersion: 0, notices: [], calls: [] },
    answer: (requests) => Promise.all(requests.map(answerOne)),
    close: () => removePassingFile(copy),
  };
}

async function makeBackup(setup: WorkerSetup, path: string): Promise<{ sizeBytes: number }> {
  const { database } = openDatabase({ path: setup.path, readOnly: true });
  try {
    if (!path.endsWith('.gz')) return writeBackup(database, path);
    database.exec('BEGIN');
    const kysely = new Kysely<Schema>({ dialect: nodeSqliteDialect(database) });
    return await writeLines(path, exportLines(kysely, setup.now));
  } finally {
    database.close();
  }
}

/** A backup of what is there, then the prepared one in its place: whoever asks lets nobody write meanwhile. */
async function replace(setup: WorkerSetup, copy: string): Promise<{ previous: string }> {
  const previous = join(setup.home, 'backups', backupName(setup.now, 'before-restore', '.db'));
  await makeBackup(setup, previous);
  await restoreDatabase(setup, copy);
  return { previous };
}

async function contentsOf(path: string): Promise<BackupContents> {
  return backupKind(path) === 'sqlite' ? databaseContents(path) : archiveContents(readLines(path));
}
