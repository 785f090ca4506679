import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../contracts/app-error.ts';
import { type BackupFile, listBackupFiles, timestamp } from '../backup-names.ts';
import { beginFile, syncPath } from '../durable-file.ts';
import { isSoundFile } from './integrity.ts';

export function newestGoodBackup(home: string): BackupFile | undefined {
  return listBackupFiles(join(home, 'backups')).find((file) => file.form === '.db' && isSoundFile(file.path));
}

/** A complete, compact copy of what is committed. */
export function writeBackup(database: DatabaseSync, path: string): { sizeBytes: number } {
  const file = beginFile(path, { replace: false });
  try {
    database.prepare('VACUUM INTO ?').run(file.path);
    if (!isSoundFile(file.path))
      throw new AppError('store-damaged', 'The backup could not be read back, so it was not kept.', {
        hint: 'Try again; if it stays so, look at the health of the disk.',
      });
    const sizeBytes = statSync(file.path).size;
    file.keep();
    return { sizeBytes };
  } finally {
    file.discard();
  }
}

/** Copies a backup to where a database is to be. */
export function takeFrom(backup: string, path: string): void {
  const file = beginFile(path, { replace: true });
  try {
    copyFileSync(backup, file.path);
    file.keep();
  } finally {
    file.discard();
  }
}

/**
 * Moves a damaged database with its log, or what a stop in between left of them, out of the way; it may still be worth a
 * look, so nothing is deleted. The database goes first: as long as it is there, the next start begins anew.
 */
export function setAside(place: { home: string; path: string; now: number }): string {
  const folder = join(place.home, 'damaged', timestamp(place.now));
  for (const suffix of ['', '-wal', '-shm', '-journal', '-check']) {
    const file = `${place.path}${suffix}`;
    if (!existsSync(file)) continue;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    renameSync(file, join(folder, `corral.db${suffix}`));
  }
  syncPath(place.home);
  return folder;
}
