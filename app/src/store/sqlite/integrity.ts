import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { AppError } from '../../contracts/app-error.ts';
import { isDamage } from './sqlite-errors.ts';

/** SQLite's quick check: every page and every row can be read. */
export function isSound(database: DatabaseSync): boolean {
  try {
    const row = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string } | undefined;
    return row?.quick_check === 'ok';
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

export function isSoundFile(path: string): boolean {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return isSound(database);
    } finally {
      database.close();
    }
  } catch {
    return false;
  }
}

/** A file that asks the next start to check the whole database. */
export const checkMarker = (path: string): string => `${path}-check`;

/** Damage that shows at work is dealt with at the next start, when nobody has the file open. */
export function rememberDamage(path: string, failure: AppError): void {
  if (failure.code === 'store-damaged') markForCheck(path);
}

export function markForCheck(path: string): void {
  try {
    writeFileSync(checkMarker(path), '');
  } catch {
    // A disk that cannot take an empty file has said so elsewhere.
  }
}
