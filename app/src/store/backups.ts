import { rmSync } from 'node:fs';
import { join } from 'node:path';
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
  create(): Promise<BackupFile>;
  /** The automatic one, after which those that are no longer needed go. */
  daily(): Promise<BackupFile>;
}

export interface BackupsOptions {
  store: Pick<Store, 'backup' | 'health'>;
  /** CORRAL_HOME/backups. */
  folder: string;
  clock: Clock;
}

/** Backups of the whole store in CORRAL_HOME, made while it is in use. */
export function createBackups({ store, folder, clock }: BackupsOptions): Backups {
  const make = async (reason: string): Promise<BackupFile> => {
    const { kind } = await store.health();
    const form = kind === 'sqlite' ? '.db' : '.corral.gz';
    const createdAt = clock.now();
    const name = backupName(createdAt, reason, form);
    const path = join(folder, name);
    const { sizeBytes } = await store.backup(path);
    return { path, name, reason, form, createdAt, sizeBytes };
  };
  return {
    list: async () => listBackupFiles(folder),
    create: () => make('manual'),
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
