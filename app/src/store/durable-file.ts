import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '../contracts/app-error.ts';

/** Makes a file (or a folder's list of names) outlast a power cut. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export interface PartialFile {
  /** Where to write. */
  path: string;
  /** The file is whole: it is put on disk and gets its name. */
  keep(): void;
  /** Removes what was not kept. */
  discard(): void;
}

/** A file that has its name only once all of it is on disk; for this user's eyes only. */
export function beginFile(target: string, options: { replace: boolean }): PartialFile {
  if (!options.replace && existsSync(target))
    throw new AppError('conflict', `${target} exists already.`, { hint: 'Name another file.' });
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const path = `${target}.partial`;
  rmSync(path, { force: true });
  return {
    path,
    keep() {
      chmodSync(path, 0o600);
      syncPath(path);
      renameSync(path, target);
      syncPath(dirname(target));
    },
    discard: () => rmSync(path, { force: true }),
  };
}
