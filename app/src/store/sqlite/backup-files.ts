import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../contracts/app-error.ts';
import { isSoundFile } from './integrity.ts';

const backupPattern = /^corral-(\d{8}T\d{9}Z)-[\w-]+\.db$/;

/** `20260102T030405006Z`, which sorts by time and is a plain file name everywhere. */
function timestamp(now: number): string {
  return new Date(now).toISOString().replaceAll(/[-:.]/g, '');
}

export function backupName(now: number, reason: string): string {
  return `corral-${timestamp(now)}-${reason}.db`;
}

export interface BackupFile {
  path: string;
  /** As its name tells it. */
  madeAt: string;
  sizeBytes: number;
}

/** Those that Corral made by itself, newest first. */
export function listBackups(home: string): BackupFile[] {
  const folder = join(home, 'backups');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const madeAt = backupPattern.exec(name)?.[1];
      const path = join(folder, name);
      return madeAt === undefined ? [] : [{ path, madeAt, sizeBytes: statSync(path).size }];
    })
    .sort((a, b) => b.madeAt.localeCompare(a.madeAt));
}

export function newestGoodBackup(home: string): BackupFile | undefined {
  return listBackups(home).find((backup) => isSoundFile(backup.path));
}

/** A complete, compact copy of what is committed. It has its name only when all of it is on disk. */
export function writeBackup(database: DatabaseSync, path: string): { sizeBytes: number } {
  if (existsSync(path))
    throw new AppError('conflict', `${path} exists already.`, { hint: 'Name another file for the backup.' });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const partial = `${path}.partial`;
  rmSync(partial, { force: true });
  try {
    database.prepare('VACUUM INTO ?').run(partial);
    chmodSync(partial, 0o600);
    syncPath(partial);
    if (!isSoundFile(partial))
      throw new AppError('store-damaged', 'The backup could not be read back, so it was not kept.', {
        hint: 'Try again; if it stays so, look at the health of the disk.',
      });
    renameSync(partial, path);
  } finally {
    rmSync(partial, { force: true });
  }
  syncPath(dirname(path));
  return { sizeBytes: statSync(path).size };
}

/** Copies a backup to where a database is to be. */
export function takeFrom(backup: string, path: string): void {
  const partial = `${path}.partial`;
  copyFileSync(backup, partial, constants.COPYFILE_FICLONE);
  chmodSync(partial, 0o600);
  syncPath(partial);
  renameSync(partial, path);
  syncPath(dirname(path));
}

/** Moves a damaged database with its log out of the way; it may still be worth a look, so nothing is deleted. */
export function setAside(place: { home: string; path: string; now: number }): string {
  const folder = join(place.home, 'damaged', timestamp(place.now));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const file = `${place.path}${suffix}`;
    if (existsSync(file)) renameSync(file, join(folder, `corral.db${suffix}`));
  }
  syncPath(place.home);
  return folder;
}

export function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
