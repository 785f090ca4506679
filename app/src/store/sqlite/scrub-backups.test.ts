import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { backupName } from '../backup-names.ts';
import { newChat, newMessage } from '../contract/parts.contract.ts';
import type { Store } from '../store.ts';
import { createSqliteStore } from './sqlite-store.ts';

let home: string;
let store: Store;
let backup: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'corral-scrub-'));
  backup = join(home, 'backups', backupName(1e12, 'manual', '.db'));
  store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 65_536 });
});
afterEach(async () => {
  await store.close();
  rmSync(home, { recursive: true });
});

const holds = (text: string): boolean => readFileSync(backup).includes(text);

test('backups lose what is erased also while somebody else keeps the log from being emptied', async () => {
  const { id: chatId } = await store.createChat('me', newChat({ title: 'quetzalcoatlus' }));
  await store.backup(backup);
  expect(holds('quetzalcoatlus')).toBe(true);
  const other = new DatabaseSync(join(home, 'corral.db'));
  other.exec('BEGIN; SELECT count(*) FROM chat');
  const erasing = store.erase('me', { chatId });
  await vi.waitFor(() => expect(holds('quetzalcoatlus')).toBe(false), { timeout: 15_000 });
  other.close();
  await erasing;
});

test('no page of a backup keeps a copy of what is erased among what stays', async () => {
  const ids: string[] = [];
  for (let chat = 0; chat < 20; chat++) {
    const { id } = await store.createChat('me', newChat({ title: `chat${chat}x` }));
    ids.push(id);
    for (let count = 0; count < 8; count++)
      await store.addMessage('me', {
        chatId: id,
        message: newMessage(`chat${chat}x `.repeat(count * 9 + 1)),
      });
  }
  await store.backup(backup);
  for (const chat of [0, 9, 19]) await store.erase('me', { chatId: ids[chat]! });
  expect([0, 9, 19].filter((chat) => holds(`chat${chat}x`))).toEqual([]);
  expect(holds('chat1x')).toBe(true);
});

test('a damaged database that mentions what is erased goes, wherever in it and however large it is', async () => {
  const { id } = await store.createChat('me', newChat());
  /** A set with one sparse file that has a text at one place. */
  const damaged = (name: string, text: string, at: number): string => {
    const folder = join(home, 'damaged', name);
    mkdirSync(folder, { recursive: true });
    const file = openSync(join(folder, 'corral.db'), 'w');
    writeSync(file, text, at);
    closeSync(file);
    return folder;
  };
  // Across the pieces in which it is read, and beyond what is read at once.
  const gone = [damaged('across', id, 4 * 1024 * 1024 + 20), damaged('far', id, 2 ** 31 + 5)];
  const kept = damaged('other', 'somebody else', 100);
  await store.erase('me', { chatId: id });
  expect(gone.map((folder) => existsSync(folder))).toEqual([false, false]);
  expect(existsSync(kept)).toBe(true);
});
