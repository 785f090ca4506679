import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLlamaWorkplace } from '../../test/fixtures/llama-workplace.ts';
import { opensChats } from '../../test/fixtures/open-chats.ts';
import { snapshotPrefix } from '../engine/llama/child/snapshots.ts';

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
