import { rmSync } from 'node:fs';
import { readLines, writeLines } from './archive-file.ts';
import { withoutErased } from './archive.ts';
import { type BackupFile, listBackupFiles, listUnfinishedFiles } from './backup-names.ts';
import type { Erased } from './operations/session.ts';

/**
 * Erases from the backups what was erased from the database. One that cannot be rewritten, also because it is of another
 * database, goes as a whole, and so does what was never finished. No backup may be under way meanwhile.
 */
export async function scrubBackupFiles(
  folder: string,
  erased: Erased,
  scrubDatabase?: (backup: BackupFile, erased: Erased) => Promise<void>,
): Promise<void> {
  for (const path of listUnfinishedFiles(folder)) rmSync(path, { force: true });
  for (const backup of listBackupFiles(folder)) {
    try {
      const scrub = backup.form === '.db' ? scrubDatabase : scrubArchive;
      if (scrub) await scrub(backup, erased);
      else rmSync(backup.path);
    } catch {
      rmSync(backup.path, { force: true });
    }
  }
}

async function scrubArchive({ path }: BackupFile, erased: Erased): Promise<void> {
  await writeLines(path, withoutErased(readLines(path), erased), { replace: true });
}
