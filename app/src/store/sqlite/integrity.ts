import { DatabaseSync } from 'node:sqlite';
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
