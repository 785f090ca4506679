import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { uuidv7 } from 'uuidv7';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type ContractParts,
  expectError,
  finish,
  newChat,
  newMessage,
  startOfTime,
  startRun,
} from './parts.contract.ts';

export function backupContract({ store, owner, kind }: ContractParts): void {
  const folder = mkdtempSync(join(tmpdir(), 'corral-backups-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let count = 0;
  const newPath = (end: string): string => join(folder, `${(count += 1)}${end}`);

  describe('backup', () => {
    for (const end of kind === 'sqlite' ? ['.db', '.corral.gz'] : ['.corral.gz'])
      test(`what is written to a ${end} comes back, also while others are at work`, async () => {
        const me = owner();
        const run = await startRun(store(), me);
        await store().appendJournal([
          { owner: me, runId: run.runId, epoch: 1, offset: 0, text: 'half \u0000\uD800' },
        ]);
        await store().setPreferences(me, { version: 0, page: { theme: 'dark' } });
        const hot = { sampling: { temperature: 1.5 } };
        await store().setModelSettings(me, { model: 'm', version: 0, settings: hot });
        const before = await store().openChat(me, run.chatId);
        const path = newPath(end);
        const writing = Array.from({ length: 20 }, () => store().createChat(me, newChat()));
        const { sizeBytes } = await store().backup(path);
        expect(sizeBytes).toBe(readFileSync(path).length);
        await Promise.all(writing);
        await expectError(store().backup(path), 'conflict');

        await store().finishRun(me, finish(run.runId, { offset: 7, text: 'later' }));
        const late = await store().addMessage(me, {
          chatId: run.chatId,
          message: newMessage('written afterwards', { parentId: run.messageId }),
        });
        await store().setModelSettings(me, { model: 'm', version: 1, settings: {} });
        expect((await store().getModelSettings(me, 'm')).settings).toEqual({});
        const { previous } = await store().restoreBackup(path);
        expect((await store().getModelSettings(me, 'm')).settings).toEqual(hot);
        expect(await store().openChat(me, run.chatId)).toEqual(before);
        expect(await store().getMessage(me, late.id)).toBeNull();
        expect((await store().getPreferences(me)).page).toEqual({ theme: 'dark' });
        expect(await store().searchChats(me, { text: 'afterwards', limit: 5 })).toEqual([]);
        expect(await store().searchChats(me, { text: 'hello', limit: 5 })).toHaveLength(1);

        const after = await store().addMessage(me, {
          chatId: run.chatId,
          message: newMessage('in the restored one', { parentId: run.messageId }),
        });
        expect((await store().openChat(me, run.chatId))?.messages.at(-1)?.id).toBe(after.id);
        await store().restoreBackup(previous);
        expect((await store().getMessage(me, late.id))?.content).toBe('written afterwards');
      });

    for (const end of kind === 'sqlite' ? ['.db', '.corral.gz'] : ['.corral.gz'])
      test(`what is written while a ${end} is restored is in the backup of what was there, or there`, async () => {
        const path = newPath(end);
        await store().backup(path);
        const restored = new AbortController();
        const writers = Array.from({ length: 4 }, async () => {
          const me = owner();
          const written: { me: string; id: string }[] = [];
          while (!restored.signal.aborted)
            written.push({ me, id: (await store().createChat(me, newChat())).id });
          return written;
        });
        const { previous } = await store()
          .restoreBackup(path)
          .finally(() => restored.abort());
        const all = (await Promise.all(writers)).flat();
        const isThere = ({ me, id }: { me: string; id: string }): Promise<boolean> =>
          store()
            .getChat(me, id)
            .then((chat) => chat !== null);
        const areThere = await Promise.all(all.map(isThere));
        await store().restoreBackup(previous);
        for (const chat of all.filter((_chat, at) => areThere[at] === false))
          expect(await isThere(chat), chat.id).toBe(true);
      });

    test('what a backup holds is counted without the trash, and a file that is cut short is refused', async () => {
      const me = owner();
      const path = newPath('.corral.gz');
      await store().backup(path);
      const before = await store().readBackup(path);
      await startRun(store(), me);
      const gone = await store().createChat(me, newChat());
      await store().addMessage(me, { chatId: gone.id, message: newMessage('thrown away') });
      await store().trash(me, {
        trashId: uuidv7(),
        chatId: gone.id,
        version: 1,
        now: startOfTime,
        purgeAt: startOfTime + 1,
      });
      for (const end of kind === 'sqlite' ? ['.db', '.corral.gz'] : ['.corral.gz']) {
        const later = newPath(end);
        await store().backup(later);
        expect(await store().readBackup(later)).toMatchObject({
          chats: before.chats + 1,
          messages: before.messages + 2,
          newestAt: expect.any(Number) as number,
        });
      }
      const whole = gunzipSync(readFileSync(path)).toString();
      writeFileSync(newPath('-cut.gz'), gzipSync(whole.slice(0, whole.lastIndexOf('{'))));
      await expectError(store().readBackup(join(folder, `${count}-cut.gz`)), 'file-invalid');
      writeFileSync(newPath('-other.gz'), gzipSync('{"format":"other"}\n'));
      await expectError(store().readBackup(join(folder, `${count}-other.gz`)), 'file-invalid');
    });

    test('a watcher hears of a run that the backup knows otherwise', async () => {
      const me = owner();
      const path = newPath(kind === 'sqlite' ? '.db' : '.corral.gz');
      const run = await startRun(store(), me);
      await store().backup(path);
      await store().appendJournal([{ owner: me, runId: run.runId, epoch: 1, offset: 0, text: 'abc' }]);
      const offsets: number[] = [];
      let restoring: Promise<unknown> | undefined;
      for await (const notice of store().watchRun(me, run.runId, new AbortController().signal)) {
        offsets.push(notice.durableOffset);
        restoring ??= store().restoreBackup(path);
        if (notice.durableOffset === 0) break;
      }
      await restoring;
      expect(offsets[0]).toBe(3);
    });

    test('what is no backup, or a damaged one, is refused and changes nothing', async () => {
      const me = owner();
      const chat = await store().createChat(me, newChat());
      const good = newPath('.corral.gz');
      await store().backup(good);
      const lines = gunzipSync(readFileSync(good)).toString().trimEnd().split('\n');
      const bad: [string, Buffer, Parameters<typeof expectError>[1]][] = [
        ['text', Buffer.from('hello'), 'file-invalid'],
        ['cut short', readFileSync(good).subarray(0, -40), 'file-invalid'],
        ['end missing', gzipSync(lines.slice(0, -1).join('\n')), 'file-invalid'],
        ['row missing', gzipSync([lines[0], ...lines.slice(2)].join('\n')), 'file-invalid'],
        ['strange table', gzipSync([lines[0], '{"table":"pg_user","row":{}}'].join('\n')), 'file-invalid'],
        ['strange column', gzipSync([lines[0], '{"table":"chat","row":{"x":1}}'].join('\n')), 'file-invalid'],
        [
          'newer',
          gzipSync((lines[0] ?? '').replace(/"schemaVersion":\d+/, '"schemaVersion":999')),
          'store-newer',
        ],
      ];
      for (const [what, bytes, code] of bad) {
        const path = newPath('.corral.gz');
        writeFileSync(path, bytes);
        await expectError(store().restoreBackup(path), code).catch((error: unknown) => {
          throw new Error(what, { cause: error });
        });
      }
      await expectError(store().restoreBackup(join(folder, 'none')), 'not-found');
      expect(await store().getChat(me, chat.id)).toEqual(chat);
    });
  });
}
