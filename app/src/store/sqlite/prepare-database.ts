import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { AppError } from '../../contracts/app-error.ts';
import { applyMigrations, readVersion, refuseNewer, schemaVersion } from '../migrations/migrate.ts';
import { backupName } from '../backup-names.ts';
import { writeBackup } from './backup-files.ts';
import { checkMarker, isSound, markForCheck } from './integrity.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { type OpenedDatabase, openDatabase } from './open-database.ts';
import { finishReplacement, replaceDamaged } from './replace-damaged.ts';
import type { Reserve } from './reserve.ts';
import { fromSqliteError } from './sqlite-errors.ts';
import type { WorkerSetup } from './worker-messages.ts';

export interface PreparedDatabase {
  database: DatabaseSync;
  schemaVersion: number;
  notices: string[];
}

/** Opens the file, repairs what an unclean stop or a bad disk left, and brings the schema up to date. */
export async function prepareDatabase(setup: WorkerSetup, reserve: Reserve): Promise<PreparedDatabase> {
  mkdirSync(dirname(setup.path), { recursive: true, mode: 0o700 });
  const notices: string[] = [];
  const opened = await openWithReserve(setup, reserve, notices);
  if (opened.warning !== undefined) notices.push(opened.warning);
  try {
    await migrate(setup, opened.database);
  } catch (error) {
    opened.database.close();
    throw fromSqliteError(error);
  }
  return { database: opened.database, schemaVersion, notices };
}

/** Opening takes little; the rest is for deleting and for answers that end. */
const partForOpening = 1 / 16;

async function openWithReserve(
  setup: WorkerSetup,
  reserve: Reserve,
  notices: string[],
): Promise<OpenedDatabase> {
  try {
    return await openSound(setup, notices);
  } catch (error) {
    const failure = fromSqliteError(error);
    const mayBeFull = ['disk-full', 'input-output', 'home-not-writable'].includes(failure.code);
    if (!mayBeFull || !reserve.release(partForOpening)) throw failure;
    return openSound(setup, notices);
  }
}

/** A log that is still there was not folded in by a clean stop; the other file says that damage was met at work. */
function mustBeChecked(path: string): boolean {
  const logBytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  return logBytes > 0 || existsSync(checkMarker(path));
}

async function openSound(setup: WorkerSetup, notices: string[]): Promise<OpenedDatabase> {
  notices.push(...finishReplacement(setup));
  const mustCheck = mustBeChecked(setup.path);
  let opened: OpenedDatabase | undefined;
  try {
    opened = openDatabase({ path: setup.path, readOnly: false });
    if (!mustCheck || isSound(opened.database)) {
      rmSync(checkMarker(setup.path), { force: true });
      return opened;
    }
  } catch (error) {
    if (fromSqliteError(error).code !== 'store-damaged') throw error;
  }
  markForCheck(setup.path);
  opened?.database.close();
  notices.push(await replaceDamaged(setup));
  return openDatabase({ path: setup.path, readOnly: false });
}

async function migrate(setup: WorkerSetup, database: DatabaseSync): Promise<void> {
  const kysely = new Kysely<never>({ dialect: nodeSqliteDialect(database) });
  const version = await readVersion(kysely, 'sqlite');
  refuseNewer(version);
  if (version === schemaVersion) return;
  if (version > 0)
    writeBackup(
      database,
      join(setup.home, 'backups', backupName(setup.now, `before-v${schemaVersion}`, '.db')),
    );
  else if (existsSync(setup.path) && !isEmpty(database))
    throw new AppError('store-unsafe', 'corral.db is a database of another program.', {
      hint: 'Name another folder in CORRAL_HOME.',
    });
  database.exec('BEGIN IMMEDIATE');
  try {
    await applyMigrations(kysely, 'sqlite');
    database.exec('COMMIT');
  } finally {
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}

function isEmpty(database: DatabaseSync): boolean {
  const row = database.prepare('SELECT count(*) AS count FROM sqlite_master').get() as { count: number };
  return row.count === 0;
}
