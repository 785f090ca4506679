import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AppError } from '../contracts/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { type BackupFile, backupName, listBackupFiles } from './backup-names.ts';
import type { Store } from './store.ts';

const dailyKept = 7;
const weeklyKept = 4;
const weekMs = 7 * 24 * 60 * 60 * 1000;

export interface Backups {
  /** Newest first. */
  list(): Promise<BackupFile[]>;
  /** One that stays until somebody deletes it. */
  create(options?: { archive?: boolean | undefined }): Promise<BackupFile>;
  /** Puts one of the list in place of everything there is; `previous` names the backup of what was there. */
  restore(name: string): Promise<{ previous: string }>;
  /** The automatic one, after which those that are no longer needed go. */
  daily(): Promise<BackupFile>;
}

export interface BackupsOptions {
  store: Pick<Store, 'backup' | 'restoreBackup' | 'health'>;
  /** CORRAL_HOME/backups. */
  folder: string;
  clock: Clock;
}

/** Backups of the whole store in CORRAL_HOME, made while it is in use. */
export function createBackups({ store, folder, clock }: BackupsOptions): Backups {
  const make = async (reason: string, archive = false): Promise<BackupFile> => {
    const { kind } = await store.health();
    const form = kind === 'sqlite' && !archive ? '.db' : '.corral.gz';
    const createdAt = clock.now();
    const name = backupName(createdAt, reason, form);
    const path = join(folder, name);
    const { sizeBytes } = await store.backup(path);
    return { path, name, reason, form, createdAt, sizeBytes };
  };
  return {
    list: async () => listBackupFiles(folder),
    create: (options = {}) => make('manual', options.archive),
    async restore(name) {
      const found = listBackupFiles(folder).find((file) => file.name === name);
      if (!found)
        throw new AppError('not-found', `There is no backup ${name}.`, { hint: 'Choose one of the list.' });
      const { previous } = await store.restoreBackup(found.path);
      return { previous: basename(previous) };
    },
    async daily() {
      const made = await make('daily');
      for (const file of noLongerNeeded(listBackupFiles(folder))) rmSync(file.path, { force: true });
      return made;
    },
  };
}

/** Of the automatic ones the last seven stay, and before those the newest of each of four weeks. */
export function noLongerNeeded(files: readonly BackupFile[]): BackupFile[] {
  const automatic = files
    .filter((file) => file.reason !== 'manual')
    .sort((a, b) => b.createdAt - a.createdAt);
  const weeks = new Set<number>();
  return automatic.slice(dailyKept).filter((file) => {
    const week = Math.floor(file.createdAt / weekMs);
    if (weeks.has(week) || weeks.size >= weeklyKept) return true;
    weeks.add(week);
    return false;
  });
}
