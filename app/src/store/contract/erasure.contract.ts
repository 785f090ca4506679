import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import { backupName } from '../backup-names.ts';
import { createBackups } from '../backups.ts';
import type { Receipt } from '../../contracts/runs.ts';
import {
  type ContractParts,
  expectError,
  finish,
  newChat,
  newMessage,
  startOfTime,
  startRun,
} from './parts.contract.ts';

/** A word that stands nowhere else, so that any trace of it in the files is ours. */
const secretWord = (): string => `zq${uuidv7().replaceAll('-', '')}`;

export function erasureContract({ kind, store, owner, rawBytes, backupFolder }: ContractParts): void {
  /** Puts the word into every kind of row a chat can have. */
  async function spread(me: string, word: string): Promise<{ chatId: string; trashedRunId: string }> {
    const settings = { systemPrompt: word };
    const { id: chatId } = await store().createChat(
      me,
      newChat({ title: word, folder: word, tags: [word], settings }),
    );
    await store().addMessage(me, { chatId, message: newMessage(`${word} in a message`) });
    const ended = await startRun(store(), me, chatId);
    const receipt = { runId: ended.runId, systemPrompt: word } as unknown as Receipt;
    const events = [{ id: uuidv7(), conversationId: chatId, body: word, createdAt: startOfTime }];
    const jobs = [{ id: uuidv7(), kind: 'title', payload: { chatId, word }, createdAt: 1, runAt: 1 }];
    await store().finishRun(me, finish(ended.runId, { offset: 0, text: word }, { receipt, events, jobs }));
    const times = { now: startOfTime, purgeAt: startOfTime + 1 };
    await store().trash(me, { trashId: uuidv7(), chatId, messageId: ended.messageId, ...times });
    const running = await startRun(store(), me, chatId);
    await store().appendJournal([{ owner: me, runId: running.runId, epoch: 1, offset: 0, text: word }]);
    return { chatId, trashedRunId: ended.runId };
  }

  describe('erase', () => {
    test('a chat is gone from every row and every file; the others stay', async () => {
      const me = owner();
      const word = secretWord();
      const keep = secretWord();
      const kept = await spread(me, keep);
      const { chatId, trashedRunId } = await spread(me, word);
      expect((await rawBytes()).includes(word)).toBe(true);
      await store().updateChat(me, { chatId, version: 1, change: { pinned: true } });
      await expectError(store().erase(me, { chatId, version: 1 }), 'conflict');
      expect(await store().erase(me, { chatId })).toEqual({ chatIds: [chatId] });
      expect(await store().getChat(me, chatId)).toBeNull();
      expect(await store().getReceipt(me, trashedRunId)).toBeNull();
      expect(await store().searchChats(me, { text: word, limit: 5 })).toEqual([]);
      const bytes = await rawBytes();
      expect(bytes.includes(word)).toBe(false);
      expect(bytes.includes(keep)).toBe(true);
      expect((await store().openChat(me, kept.chatId))?.messages.length).toBeGreaterThan(2);
      await expectError(store().erase(me, { chatId }), 'not-found');
    });

    test('everything of an owner is gone, and nothing of another', async () => {
      const me = owner();
      const other = owner();
      const word = secretWord();
      const keep = secretWord();
      const { chatId } = await spread(me, word);
      await spread(other, keep);
      await store().setPreferences(me, { version: 0, settings: { systemPrompt: word } });
      await store().setModelSettings(me, { model: word, version: 0, settings: {} });
      await store().savePreset(me, { name: word, settings: {}, version: 0 });
      await store().addJob(me, { id: uuidv7(), kind: 'pull', payload: { word }, createdAt: 1, runAt: 1 });
      expect(await store().erase(me, { everything: true })).toEqual({ chatIds: [chatId] });
      expect((await store().getModelSettings(me, word)).version).toBe(0);
      const bytes = await rawBytes();
      expect(bytes.includes(word)).toBe(false);
      expect(bytes.includes(me)).toBe(false);
      expect(bytes.includes(keep)).toBe(true);
    });

    test('who watches an answer of an erased chat hears that it ended', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      const phases: string[] = [];
      for await (const notice of store().watchRun(me, run.runId, new AbortController().signal)) {
        phases.push(notice.phase);
        if (phases.length === 1) void store().erase(me, { chatId: run.chatId });
      }
      expect(phases).toEqual(['accepted', 'ended']);
    });

    test('an erased chat is gone from the automatic backups too, and cannot come back with them', async () => {
      const me = owner();
      const word = secretWord();
      const keep = secretWord();
      const { chatId } = await spread(me, word);
      await spread(me, keep);
      const backups = createBackups({
        store: store(),
        folder: backupFolder(),
        temporary: join(backupFolder(), '..', 'tmp'),
        clock: { now: () => startOfTime },
      });
      const made = await backups.create();
      expect((await backups.list()).map((file) => file.name)).toContain(made.name);
      await store().erase(me, { chatId });
      const bytes = await rawBytes();
      expect(bytes.includes(word)).toBe(false);
      expect(bytes.includes(keep)).toBe(true);
      await store().restoreBackup(made.path);
      expect(await store().getChat(me, chatId)).toBeNull();
      expect(await store().searchChats(me, { text: keep, limit: 5 })).not.toEqual([]);
    });

    test('a backup that is being written meanwhile does not keep it either', async () => {
      const me = owner();
      const word = secretWord();
      const { chatId } = await spread(me, word);
      // Without a word in it, so that the index takes no time, and of a size that takes a while to write.
      const { id: large } = await store().createChat(me, newChat());
      const content = Buffer.from(randomBytes(4_000_000).map((byte) => 33 + (byte % 15))).toString('latin1');
      for (let count = 0; count < 2; count++)
        await store().addMessage(me, { chatId: large, message: newMessage(content) });
      const path = join(
        backupFolder(),
        backupName(startOfTime, 'beside', kind === 'sqlite' ? '.db' : '.corral.gz'),
      );
      const writing = store().backup(path);
      while (!existsSync(`${path}.partial`) && !existsSync(path)) await sleep(1);
      await store().erase(me, { chatId });
      await writing;
      expect((await store().readBackup(path)).chats).toBeGreaterThan(0);
      expect((await rawBytes()).includes(word)).toBe(false);
      await store().erase(me, { chatId: large });
    });

    test('what a backup left that was never finished goes as well', async () => {
      const me = owner();
      const { id: chatId } = await store().createChat(me, newChat());
      const names = ['.db', '.db.partial', '.db.partial-wal', '.corral.gz.partial'].map((end) =>
        backupName(startOfTime, 'killed', '.db').replace('.db', end),
      );
      mkdirSync(backupFolder(), { recursive: true });
      for (const name of [...names, 'mine.db.partial']) writeFileSync(join(backupFolder(), name), chatId);
      await store().erase(me, { chatId });
      expect(readdirSync(backupFolder()).filter((name) => /killed|mine/.test(name))).toEqual([
        'mine.db.partial',
      ]);
      rmSync(join(backupFolder(), 'mine.db.partial'));
    });

    test('waiting log events of a conversation that is no chat are erased by themselves', async () => {
      const [me, other] = [owner(), owner()];
      const [word, keep] = [secretWord(), secretWord()];
      const [gone, stays] = [uuidv7(), uuidv7()];
      const event = (conversationId: string, body: string) => ({
        id: uuidv7(),
        conversationId,
        body,
        createdAt: startOfTime,
      });
      const dead = event(gone, word);
      await store().addOutboxEvents(me, [dead, event(gone, word), event(stays, `${keep}1`)]);
      await store().addOutboxEvents(other, [event(gone, `${keep}2`)]);
      await store().recordDeliveries([{ id: dead.id, outcome: 'dead', error: 'no' }]);
      for (const ending of kind === 'sqlite' ? (['.db', '.corral.gz'] as const) : (['.corral.gz'] as const))
        await store().backup(join(backupFolder(), backupName(startOfTime, 'events', ending)));
      await store().eraseOutboxEvents(me, [gone]);
      const bytes = await rawBytes();
      expect(bytes.includes(word)).toBe(false);
      expect([1, 2].filter((which) => bytes.includes(`${keep}${which}`))).toEqual([1, 2]);
    });

    test('what is purged from the trash leaves no trace', async () => {
      const me = owner();
      const word = secretWord();
      const { id: chatId } = await store().createChat(me, newChat());
      const message = await store().addMessage(me, { chatId, message: newMessage(word) });
      await store().trash(me, { trashId: uuidv7(), chatId, messageId: message.id, now: 1, purgeAt: 2 });
      await store().purgeTrash(2);
      expect((await rawBytes()).includes(word)).toBe(false);
    });
  });
}
