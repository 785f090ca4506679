import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { BackupFile } from '../backup-names.ts';
import { beginFile } from '../durable-file.ts';
import { applyMigrations } from '../migrations/migrate.ts';
import { eraseChat, erasing } from '../operations/erase.ts';
import type { Erased } from '../operations/session.ts';
import type { Schema } from '../schema.ts';
import { scrubBackupFiles } from '../scrub-backup-files.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { openDatabase } from './open-database.ts';
import { newSession } from './reader.ts';

/** Erases from all other files what was erased from the database. */
export async function scrubBackups(home: string, erased: Erased): Promise<void> {
  await scrubBackupFiles(join(home, 'backups'), erased, scrubDatabase);
  scrubDamaged(home, erased);
}

/**
 * For a home whose chats are on a server now: the database that they were moved from stays behind, and what is erased
 * goes from it as well.
 */
export async function scrubLeftFiles(home: string, erased: Erased): Promise<void> {
  await scrubBackups(home, erased);
  const left = join(home, 'corral.db');
  if (existsSync(left)) await eraseIn(left, erased);
}

async function scrubDatabase(backup: BackupFile, erased: Erased): Promise<void> {
  const file = beginFile(backup.path, { replace: true });
  try {
    const original = new DatabaseSync(backup.path, { readOnly: true });
    // The new file takes it over. Without it, rows that move while it is written leave copies between those that stay.
    original.exec('PRAGMA secure_delete=1');
    original.prepare('VACUUM INTO ?').run(file.path);
    original.close();
    await eraseIn(file.path, erased);
    file.keep();
  } finally {
    file.discard();
  }
}

async function eraseIn(path: string, erased: Erased): Promise<void> {
  const { database } = openDatabase({ path, readOnly: false });
  try {
    const kysely = new Kysely<Schema>({ dialect: nodeSqliteDialect(database) });
    database.exec('BEGIN IMMEDIATE');
    await applyMigrations(kysely as unknown as Kysely<never>, 'sqlite');
    const session = newSession(kysely);
    if (erased.chatIds === null) await erasing.erase(session, erased.owner, { everything: true });
    else for (const chatId of erased.chatIds) await eraseChat(session, erased.owner, chatId);
    database.exec('COMMIT');
    database.exec('PRAGMA journal_mode=DELETE');
  } finally {
    database.close();
  }
}

/** Damaged files cannot be rewritten: those that hold what was erased go, whoever else is in them. */
function scrubDamaged(home: string, erased: Erased): void {
  const folder = join(home, 'damaged');
  if (!existsSync(folder)) return;
  for (const set of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    const place = join(folder, set.name);
    const holds = readdirSync(place).some((file) => mentions(join(place, file), erased));
    if (holds) rmSync(place, { recursive: true, force: true });
  }
}

/** Read piece by piece: such a file may be larger than memory. */
function mentions(file: string, { chatIds, owner }: Erased): boolean {
  const ids = chatIds ?? [owner];
  // What lies across two pieces is seen in the second.
  const overlap = Math.max(0, ...ids.map((id) => Buffer.byteLength(id)));
  const piece = Buffer.alloc(4 * 1024 * 1024 + overlap);
  const descriptor = openSync(file, 'r');
  try {
    for (let kept = 0; ;) {
      const read = readSync(descriptor, piece, kept, piece.length - kept, null);
      if (read === 0) return false;
      const text = piece.subarray(0, kept + read);
      if (ids.some((id) => text.includes(id))) return true;
      kept = Math.min(overlap, text.length);
      text.copyWithin(0, text.length - kept);
    }
  } finally {
    closeSync(descriptor);
  }
}
