import { copyFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { newChat, newMessage } from '../contract/parts.contract.ts';
import type { Store } from '../store.ts';
import { createSqliteStore } from './sqlite-store.ts';

test('the log of a damaged database that a stop left behind does not go into the recovered one', async () => {
  const home = mkdtempSync(join(tmpdir(), 'corral-replace-'));
  const path = join(home, 'corral.db');
  const open = (): Promise<Store> =>
    createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 4096 });

  const before = await open();
  const { id: chatId } = await before.createChat('me', newChat({ title: 'kept' }));
  for (let at = 0; at < 10; at += 1)
    await before.addMessage('me', { chatId, message: newMessage(`text ${at} `.repeat(800)) });
  await before.backup(`${path}-recovered`);
  const other = new DatabaseSync(path);
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  other.close();
  await before.createChat('me', newChat({ title: 'only in the log' }));
  copyFileSync(`${path}-wal`, join(home, 'log'));
  await before.close();
  // The stop came when the damaged database had been moved away, and its log had not.
  rmSync(path);
  renameSync(join(home, 'log'), `${path}-wal`);
  const log = readFileSync(`${path}-wal`);

  const after = await open();
  expect((await after.health()).notices).toEqual([
    expect.stringMatching(/damaged and has been replaced by what could be read/),
  ]);
  expect((await after.listChats('me', { limit: 5 })).items).toMatchObject([{ title: 'kept' }]);
  expect((await after.openChat('me', chatId))?.messages).toHaveLength(10);
  await after.close();
  const [folder = ''] = readdirSync(join(home, 'damaged'));
  expect(readFileSync(join(home, 'damaged', folder, 'corral.db-wal')).equals(log)).toBe(true);
  rmSync(home, { recursive: true });
});
