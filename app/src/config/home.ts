import { chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '../contracts/app-error.ts';

/** Everything Corral keeps, by name; nothing is ever written outside of it. */
export interface Home {
  folder: string;
  database: string;
  models: string;
  kv: string;
  temporary: string;
  backups: string;
  damaged: string;
  lock: string;
  /** Under which keys of services are sealed. */
  sealKey: string;
  tokenizers: string;
  /** The certificate that was made here. */
  certificate: string;
  /** Sessions that were ended before their time. */
  signedOut: string;
  reserve: string;
  /** There until the first server starts. */
  unstarted: string;
}

/**
 * `mkdir -p`, one folder at a time: Node's own recursive form never returns where a file system refuses new names with
 * ENOENT (/proc).
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  mkdirSync(folder, { mode: 0o700 });
}

/** Who may write a folder of somebody else may not do this. */
function closeToOthers(folder: string): void {
  if ((statSync(folder).mode & 0o777) !== 0o700) chmodSync(folder, 0o700);
}

const messages: Record<string, string> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOENT: 'that file system takes no new folders',
  EEXIST: 'a file of that name is there',
  ENOTDIR: 'a part of the path is a file',
  ENOSPC: 'the disk is full',
};

/** Why CORRAL_HOME cannot be written, by the error that said so. */
export function homeRefused(folder: string, cause: unknown): AppError {
  const { code = '', syscall } = cause as NodeJS.ErrnoException;
  const reason = messages[code] ?? String(cause);
  if (code === 'ENOSPC') {
    return new AppError('disk-full', `CORRAL_HOME ${folder} cannot be used: ${reason}`, {
      hint: 'Make room on that disk, or set CORRAL_HOME to a folder on another one.',
      cause,
    });
  }
  if (code === 'EPERM' && syscall === 'chmod') {
    const why = 'this user cannot close it to others (mode 0700), since it belongs to another user';
    return new AppError('home-not-writable', `CORRAL_HOME ${folder} cannot be used: ${why}`, {
      hint: 'Give it to this user (chown), or set CORRAL_HOME to a new folder inside it.',
      cause,
    });
  }
  return new AppError('home-not-writable', `CORRAL_HOME ${folder} cannot be used: ${reason}`, {
    hint: 'Give this user write permission, or set CORRAL_HOME to another folder.',
    cause,
  });
}

/** The names alone: for who looks and does not write. */
export function homeAt(folder: string): Home {
  const inside = (name: string): string => join(folder, name);
  return {
    folder,
    database: inside('corral.db'),
    models: inside('models'),
    kv: inside('kv'),
    temporary: inside('tmp'),
    backups: inside('backups'),
    damaged: inside('damaged'),
    lock: inside('lock'),
    sealKey: inside('seal.key'),
    tokenizers: inside('tokenizers'),
    certificate: inside('tls'),
    signedOut: inside('signed-out.json'),
    reserve: inside('reserve'),
    unstarted: inside('unstarted'),
  };
}

/** Makes the folder and its parts for this user alone (0700) and shows that it can be written. */
export function prepareHome(folder: string): Home {
  try {
    makeFolder(folder);
    closeToOthers(folder);
    const home = homeAt(folder);
    const parts = [home.models, home.kv, home.temporary, home.backups, home.damaged];
    // Noted before them: a home that has parts and no note has served before, also by a version that noted nothing.
    if (!parts.some((part) => existsSync(part))) writeFileSync(home.unstarted, '', { mode: 0o600 });
    for (const part of parts) makeFolder(part);
    const probe = join(home.temporary, `.probe-${process.pid}`);
    writeFileSync(probe, '.');
    rmSync(probe);
    return home;
  } catch (error) {
    throw homeRefused(folder, error);
  }
}

/** Notes that a server has started here. True the first time, whatever other commands made of the folder before. */
export function noteStart(home: Home): boolean {
  try {
    rmSync(home.unstarted);
    return true;
  } catch {
    // It is gone, or the disk takes no change: what cannot be remembered is not done each time.
    return false;
  }
}
