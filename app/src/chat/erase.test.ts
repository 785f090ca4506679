import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { opensChats } from '../../test/fixtures/open-chats.ts';

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
