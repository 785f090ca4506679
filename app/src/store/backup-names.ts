import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Names of the backups in CORRAL_HOME/backups: `corral-20260102T030405006Z-daily.db`, or `.corral.gz`. */
const namePattern = /^corral-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-([\w-]+)(\.db|\.corral\.gz)$/;

/** Sorts by time and is a plain file name everywhere. */
export function timestamp(now: number): string {
  return new Date(now).toISOString().replaceAll(/[-:.]/g, '');
}

/** What writing one left when the process was killed: the file without its name yet, or SQLite's files beside it. */
const unfinishedPattern = /^corral-\d{8}T\d{9}Z-[\w-]+(?:\.db|\.corral\.gz)\.partial(?:-[\w-]+)?$/;

export type BackupForm = '.db' | '.corral.gz';

export function backupName(now: number, reason: string, form: BackupForm): string {
  return `corral-${timestamp(now)}-${reason}${form}`;
}

export interface BackupFile {
  path: string;
  name: string;
  /** Why it was made: `daily`, `manual`, `before-v2`, `before-restore`. */
  reason: string;
  form: BackupForm;
  createdAt: number;
  sizeBytes: number;
}

/** Newest first. */
export function listBackupFiles(folder: string): BackupFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => toBackupFile(folder, name) ?? [])
    .sort((a, b) => b.createdAt - a.createdAt);
}

/** Backups that are not whole, as paths: they are being written, or nobody will ever finish them. */
export function listUnfinishedFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => unfinishedPattern.test(name))
    .map((name) => join(folder, name));
}

function toBackupFile(folder: string, name: string): BackupFile | null {
  const match = namePattern.exec(name);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, millisecond, reason, form] = match;
  const path = join(folder, name);
  // Erasing and cleaning up go on beside this.
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return null;
  return {
    path,
    name,
    reason: reason ?? '',
    form: form as BackupForm,
    createdAt: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`),
    sizeBytes: found.size,
  };
}
