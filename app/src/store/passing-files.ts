import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';

/** What a file is there for: a copy that becomes the database, or a backup that somebody sent. */
type Purpose = 'restore' | 'given';

const namePattern = /^(?:restore|given)-/;

/** SQLite's own files beside a database, and one that has not got its name yet. */
const suffixes = ['', '-wal', '-shm', '-journal', '.partial'];

/** A new name in CORRAL_HOME/tmp for a file that holds chats and is gone when its work is done. */
export function passingFile(folder: string, purpose: Purpose): string {
  return join(folder, `${purpose}-${uuidv7()}`);
}

/** With what lies beside it. */
export function removePassingFile(path: string): void {
  for (const suffix of suffixes) rmSync(`${path}${suffix}`, { force: true });
}

/**
 * Removes what works that were killed left behind: nobody would ever erase a chat from it. Only for who holds
 * CORRAL_HOME and has begun no such work.
 */
export function clearPassingFiles(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) if (namePattern.test(name)) rmSync(join(folder, name));
}
