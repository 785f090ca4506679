import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BackupContents } from '../contracts/api/system.ts';
import { AppError } from '../contracts/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { type BackupFile, backupName, listBackupFiles } from './backup-names.ts';
import { passingFile, removePassingFile } from './passing-files.ts';
import type { Store } from './store.ts';

const dailyKept = 7;
const weeklyKept = 4;
/** Of each other kind that nobody asked for. */
const othersKept = 7;
const weekMs = 7 * 24 * 60 * 60 * 1000;

/** A file from elsewhere. It is kept only for as long as it is looked at, so that it never passes for one of ours. */
export type GivenFile = AsyncIterable<Uint8Array>;

export interface Backups {
  /** Newest first. */
  list(): Promise<BackupFile[]>;
  /** One that stays until somebody deletes it. */
  create(options?: { archive?: boolean | undefined }): Promise<BackupFile>;
  /** What one of the list, or one in a file that is given here, holds. */
  contents(backup: string | GivenFile): Promise<BackupContents>;
  /** Puts a backup in place of everything there is; `previous` names the backup of what was there. */
  restore(backup: string | GivenFile): Promise<{ previous: string }>;
  /** The automatic one, after which those that are no longer needed go. */
  daily(): Promise<BackupFile>;
}

export interface BackupsOptions {
  store: Pick<Store, 'backup' | 'restoreBackup' | 'readBackup' | 'health'>;
  /** CORRAL_HOME/backups. */
  folder: string;
  /** CORRAL_HOME/tmp. */
  temporary: string;
  clock: Clock;
}

/** Backups of the whole store in CORRAL_HOME, made while it is in use. */
export function createBackups({ store, folder, temporary, clock }: BackupsOptions): Backups {
  let newest = 0;
  const make = async (reason: string, archive = false): Promise<BackupFile> => {
    const { kind } = await store.health();
    const form = kind === 'sqlite' && !archive ? '.db' : '.corral.gz';
    // Two that are asked for at once are two files; a clock that was put back is believed.
    const now = clock.now();
    newest = Math.abs(now - newest) < 1000 ? Math.max(now, newest + 1) : now;
    const createdAt = newest;
    const name = backupName(createdAt, reason, form);
    const path = join(folder, name);
    const { sizeBytes } = await store.backup(path);
    return { path, name, reason, form, createdAt, sizeBytes };
  };
  const withFile = async <T>(backup: string | GivenFile, use: (path: string) => Promise<T>): Promise<T> => {
    if (typeof backup !== 'string') return withGiven(backup, temporary, use);
    const found = listBackupFiles(folder).find((file) => file.name === backup);
    if (!found)
      throw new AppError('not-found', `There is no backup ${backup}.`, { hint: 'Choose one of the list.' });
    return use(found.path);
  };
  return {
    list: async () => listBackupFiles(folder),
    create: (options = {}) => make('manual', options.archive),
    contents: (backup) => withFile(backup, (path) => store.readBackup(path)),
    async restore(backup) {
      const { previous } = await withFile(backup, (path) => store.restoreBackup(path));
      return { previous: basename(previous) };
    },
    async daily() {
      const made = await make('daily');
      for (const file of noLongerNeeded(listBackupFiles(folder))) rmSync(file.path, { force: true });
      return made;
    },
  };
}

async function withGiven<T>(file: GivenFile, folder: string, use: (path: string) => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = passingFile(folder, 'given');
  try {
    await pipeline(file, createWriteStream(path, { mode: 0o600, flags: 'wx' }));
    return await use(path);
  } catch (error) {
    // Where it was put meanwhile says nothing to who gave it.
    if (!(error instanceof AppError)) throw error;
    const { code, message, hint } = error;
    throw new AppError(code, message.replaceAll(path, 'This file'), {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  } finally {
    removePassingFile(path);
  }
}

/**
 * Of the daily ones the last seven stay, and before those the newest of each of four weeks. Those made before a restore,
 * and those made before a new version, are counted each by themselves: many in one evening push nothing else out. None
 * of them outlives the daily ones, or what is purged could be read in it for ever.
 */
export function noLongerNeeded(files: readonly BackupFile[]): BackupFile[] {
  const newestFirst = files.toSorted((a, b) => b.createdAt - a.createdAt);
  const {
    daily = [],
    manual: _stay,
    ...others
  } = Object.groupBy(newestFirst, ({ reason }) => kindOf(reason));
  const weekly = newestOfWeeks(daily.slice(dailyKept)).slice(0, weeklyKept);
  const dailyStays = new Set([...daily.slice(0, dailyKept), ...weekly]);
  // Only when they are all there does their oldest tell how far back they reach.
  const oldestAt = weekly[weeklyKept - 1]?.createdAt ?? Number.NEGATIVE_INFINITY;
  const otherStays = (file: BackupFile, place: number): boolean =>
    place < othersKept && file.createdAt >= oldestAt;
  return [
    ...daily.filter((file) => !dailyStays.has(file)),
    ...Object.values(others).flatMap((made) => made?.filter((file, place) => !otherStays(file, place)) ?? []),
  ];
}

/** `before-v2` and `before-v3` are of one kind. */
function kindOf(reason: string): string {
  return reason.replace(/\d+$/, '');
}

function newestOfWeeks(newestFirst: readonly BackupFile[]): BackupFile[] {
  const weekOf = ({ createdAt }: BackupFile): number => Math.floor(createdAt / weekMs);
  return newestFirst.filter((file, place) => {
    const newer = newestFirst[place - 1];
    return newer === undefined || weekOf(newer) !== weekOf(file);
  });
}
