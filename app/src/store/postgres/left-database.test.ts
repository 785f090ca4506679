import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type PostgresServer } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { backupName } from '../backup-names.ts';
import { newChat, newMessage } from '../contract/parts.contract.ts';
import { scrubLeftFiles } from '../sqlite/scrub-backups.ts';
import { createSqliteStore } from '../sqlite/sqlite-store.ts';
import type { Store } from '../store.ts';
import { createPostgresStore } from './postgres-store.ts';

const owner = 'me';
const common = { clock: systemClock, log: silentLog };
let server: PostgresServer;
let home: string;
beforeAll(async () => {
  server = await startPostgres();
  home = mkdtempSync(join(tmpdir(), 'corral-left-'));
});
afterAll(async () => {
  await server.stop();
  rmSync(home, { recursive: true });
});

async function chatAbout(store: Store, word: string): Promise<string> {
  const { id } = await store.createChat(owner, newChat());
  await store.addMessage(owner, { chatId: id, message: newMessage(`a word: ${word}`) });
  return id;
}

/** The files of the home in which a word stands, archives unpacked. */
function filesWith(word: string): string[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .filter((entry) => {
      const bytes = readFileSync(join(entry.parentPath, entry.name));
      return (entry.name.endsWith('.gz') ? gunzipSync(bytes) : bytes).includes(word);
    })
    .map(({ name }) => name)
    .toSorted();
}

test('after a move to PostgreSQL, erasing reaches the database that was left and its backups', async () => {
  const before = await createSqliteStore({ home, ...common });
  const secret = await chatAbout(before, 'quetzalcoatlus');
  await chatAbout(before, 'pachycephalosaurus');
  const [copy, moved] = [backupName(1e12, 'manual', '.db'), backupName(1e12, 'manual', '.corral.gz')];
  const archive = join(home, 'backups', moved);
  await before.backup(archive);
  await before.backup(join(home, 'backups', copy));
  await before.close();
  const url = await server.url('left');
  const scrubFiles = (erased: Parameters<typeof scrubLeftFiles>[1]) => scrubLeftFiles(home, erased);
  const store = await createPostgresStore({ url, home, ...common, scrubFiles });
  try {
    await store.restoreBackup(archive);
    const copies = [copy, moved, 'corral.db'].toSorted();
    expect(filesWith('quetzalcoatlus')).toEqual(copies);
    await store.erase(owner, { chatId: secret });
    expect(filesWith('quetzalcoatlus')).toEqual([]);
    expect(filesWith('pachycephalosaurus')).toEqual(copies);
    await store.erase(owner, { everything: true });
    expect(filesWith('pachycephalosaurus')).toEqual([]);
  } finally {
    await store.close();
  }
  // It is a good database still, for who goes back.
  const again = await createSqliteStore({ home, ...common });
  expect((await again.health()).notices).toEqual([]);
  expect((await again.listChats(owner, { limit: 10 })).items).toEqual([]);
  await again.close();
});
