import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackupFile } from '../backup-names.ts';
import { beginFile, syncPath } from '../durable-file.ts';
import { newestGoodBackup, setAside } from './backup-files.ts';
import { salvageDatabase, type Salvage } from './salvage/salvage-database.ts';
import type { WorkerSetup } from './worker-messages.ts';

/** What takes the place of a damaged database, whole on disk before that is moved away. */
const replacementOf = (path: string): string => `${path}-recovered`;

/**
 * Puts what can be read of a damaged database into a new one, what cannot be from the newest good backup, and moves the
 * damaged file out of the way. Gives what a person should be told.
 */
export async function replaceDamaged(setup: WorkerSetup): Promise<string> {
  let backup: BackupFile | undefined;
  const newestBackup = (): string | undefined => (backup ??= newestGoodBackup(setup.home))?.path;
  const salvage = await writeReplacement(setup, newestBackup);
  const kept = setAside(setup);
  finishReplacement(setup);
  return `The database was damaged. ${outcome(salvage, backup)} The damaged file is kept in ${kept}.`;
}

/** A stop in between left the new database beside the place of the old one; or somebody took the database away. */
export function finishReplacement(setup: Pick<WorkerSetup, 'path' | 'home' | 'now'>): string[] {
  const { path, home } = setup;
  const replacement = replacementOf(path);
  if (existsSync(path)) return [];
  if (existsSync(replacement)) {
    // SQLite would write a log of the damaged database that is still there into the new one.
    setAside(setup);
    renameSync(replacement, path);
    syncPath(dirname(path));
    return ['The database was damaged and has been replaced by what could be read of it; see `damaged`.'];
  }
  const backups = join(home, 'backups');
  if (!existsSync(backups) || readdirSync(backups).length === 0) return [];
  return [
    'There was no database, though there are backups, so it starts empty. `corral restore` brings a backup back.',
  ];
}

async function writeReplacement(
  setup: WorkerSetup,
  newestBackup: () => string | undefined,
): Promise<Salvage | null> {
  const file = beginFile(replacementOf(setup.path), { replace: true });
  try {
    const salvage = await salvageDatabase(setup.path, file.path, newestBackup);
    const backup = salvage ? undefined : newestBackup();
    if (backup !== undefined) copyFileSync(backup, file.path);
    if (salvage || backup !== undefined) file.keep();
    return salvage;
  } finally {
    file.discard();
    for (const suffix of ['-wal', '-shm']) rmSync(`${file.path}${suffix}`, { force: true });
  }
}

function outcome(salvage: Salvage | null, backup: BackupFile | undefined): string {
  const from = backup && `the backup of ${new Date(backup.createdAt).toISOString()}`;
  if (!salvage)
    return from === undefined
      ? 'Nothing in it could be read and there is no backup, so it starts empty.'
      : `Nothing in it could be read, so ${from} was restored; what came after it is only in the damaged file.`;
  const found = `${salvage.messages} messages in ${salvage.chats} chats`;
  if (salvage.gaps === 0) return `Everything in it could be read: ${found}.`;
  const filled = from === undefined ? '' : `, filled up from ${from}`;
  return `What could be read of it was put into a new one${filled}: ${found}. ${salvage.gaps} places in it could not be read.`;
}
