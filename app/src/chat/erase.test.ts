import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLlamaWorkplace } from '../../test/fixtures/llama-workplace.ts';
import { opensChats, retention } from '../../test/fixtures/open-chats.ts';
import { snapshotPrefix } from '../engine/llama/child/snapshots.ts';
import { roundsKept } from '../store/schema.ts';

const { open } = opensChats();

test.each(['one chat', 'everything'])(
  'of %s all tabs hear also where the files cannot be cleaned, and of nothing that is still there',
  async (which) => {
    const { chats, owner, chat, say, home } = await open();
    const { id } = await chat();
    await say(id, 'hello');
    const { id: other } = await chat();
    const backups = join(home, 'backups');
    rmSync(backups, { recursive: true, force: true });
    writeFileSync(backups, 'no folder');
    const erased: string[] = [];
    chats.onChange((notice) => {
      if (notice.type === 'chat-changed' && notice.change === 'erased') erased.push(notice.chatId);
    });
    const what = which === 'everything' ? { everything: true as const } : { chatId: id };
    await expect(chats.erase(owner, what)).rejects.toMatchObject({ code: 'internal' });
    await expect(chats.erase('somebody', { chatId: other })).rejects.toMatchObject({ code: 'not-found' });
    expect(erased.toSorted()).toEqual((which === 'everything' ? [id, other] : [id]).toSorted());
  },
);

test('a state that cannot be deleted keeps neither the other states nor the word to tabs, and is told of', async () => {
  const place = await createLlamaWorkplace();
  try {
    const { chats, owner, chat } = await open({ loaders: [place.loader] });
    const ids = [(await chat()).id, (await chat()).id, (await chat()).id];
    const [first, between, last] = ids.map((id) => `${snapshotPrefix(id)}of-a-model.kv`);
    // A folder is not deleted as a file is. Whichever end is begun at, one lies before the file.
    for (const stays of [first!, last!]) mkdirSync(join(place.kvFolder, stays), { recursive: true });
    writeFileSync(join(place.kvFolder, between!), 'what was said');
    const erased: string[] = [];
    chats.onChange((notice) => {
      if (notice.type === 'chat-changed' && notice.change === 'erased') erased.push(notice.chatId);
    });
    await expect(chats.erase(owner, { everything: true })).rejects.toMatchObject({ code: 'internal' });
    expect(readdirSync(place.kvFolder).toSorted()).toEqual([first, last].toSorted());
    expect(erased.toSorted()).toEqual(ids.toSorted());
    expect((await chats.list(owner, { limit: 10 })).items).toEqual([]);
  } finally {
    await place.close();
  }
});

test.each(['by hand', 'by its age'])(
  'a message that is deleted for good %s takes along the state of its chat, which stays',
  async (how) => {
    const place = await createLlamaWorkplace();
    try {
      let now = Date.UTC(2026, 0, 1);
      const opened = await open({ loaders: [place.loader], clock: { now: () => now } });
      const { chats, owner, chat, say } = opened;
      const { id } = await chat();
      const { run } = await say(id, 'a secret');
      const entry = await chats.trashMessage(owner, id, { messageId: run.messageId });
      const state = join(place.kvFolder, `${snapshotPrefix(id)}of-a-model.kv`);
      mkdirSync(place.kvFolder, { recursive: true });
      writeFileSync(state, 'a secret');
      if (how === 'by hand') await chats.purge(owner, entry!.id);
      else {
        now += 365 * 24 * 60 * 60 * 1000;
        for (let round = 0; round <= roundsKept; round++) await retention(opened, ++now);
      }
      expect((await chats.listTrash(owner, { limit: 5 })).items).toEqual([]);
      expect(readdirSync(place.kvFolder)).toEqual([]);
      expect((await chats.open(owner, id)).messages).toHaveLength(1);
    } finally {
      await place.close();
    }
  },
);
