import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { expect, test } from 'vitest';
import type { Receipt } from '../contracts/runs.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { readLines } from './archive-file.ts';
import { backupName } from './backup-names.ts';
import { finish, newChat, newMessage, startOfTime, startRun } from './contract/parts.contract.ts';
import { createSqliteStore } from './sqlite/sqlite-store.ts';
import type { Store } from './store.ts';

/** A chat with every kind of row, all of whose texts are this one. */
async function fill(store: Store, text: string): Promise<string> {
  const { id: chatId } = await store.createChat(
    'me',
    newChat({ title: text, folder: text, tags: [text], settings: { systemPrompt: text } }),
  );
  const first = await store.addMessage('me', { chatId, message: newMessage(text) });
  await store.addMessage('me', { chatId, message: newMessage('an answer to it', { parentId: first.id }) });
  const ended = await startRun(store, 'me', chatId);
  const receipt = { runId: ended.runId, systemPrompt: text } as unknown as Receipt;
  const events = [{ id: uuidv7(), conversationId: chatId, body: text, createdAt: startOfTime }];
  const jobs = [{ id: uuidv7(), kind: 'title', payload: { chatId }, createdAt: 1, runAt: 1 }];
  await store.finishRun('me', finish(ended.runId, { offset: 0, text }, { receipt, events, jobs }));
  const times = { now: startOfTime, purgeAt: startOfTime + 1 };
  await store.trash('me', { trashId: uuidv7(), chatId, messageId: ended.messageId, ...times });
  const running = await startRun(store, 'me', chatId);
  await store.appendJournal([{ owner: 'me', runId: running.runId, epoch: 1, offset: 0, text }]);
  return chatId;
}

async function rowsOf(archive: string): Promise<{ table?: string; row?: { owner: string } }[]> {
  const rows = [];
  for await (const line of readLines(archive)) rows.push(JSON.parse(line) as object);
  return rows;
}

test('an erased chat takes nothing of a chat that names it along out of an archive, which still restores', async () => {
  const home = mkdtempSync(join(tmpdir(), 'corral-archive-'));
  const store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 65_536 });
  const chatId = await fill(store, 'zqerased');
  const archive = join(home, 'backups', backupName(startOfTime, 'manual', '.corral.gz'));
  await store.backup(archive);
  const rowsOfErased = (await rowsOf(archive)).filter(({ row }) => row?.owner === 'me').length;
  rmSync(archive);

  const keptId = await fill(store, `see /chats/${chatId}`);
  await store.savePreset('me', { name: chatId, settings: { systemPrompt: chatId }, version: 0 });
  const kept = await store.openChat('me', keptId);
  await store.backup(archive);
  const before = await rowsOf(archive);
  await store.erase('me', { chatId });
  await store.restoreBackup(archive);
  expect(await store.openChat('me', keptId)).toEqual(kept);
  expect(await store.getChat('me', chatId)).toBeNull();
  const after = await rowsOf(archive);
  expect(after.filter((line) => JSON.stringify(line).includes('zqerased'))).toEqual([]);
  expect(after.at(-1)).toEqual({ end: after.length - 2 });
  expect(before.length - after.length).toBe(rowsOfErased);
  await store.close();
  rmSync(home, { recursive: true });
});
