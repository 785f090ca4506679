import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import { type ContractParts, expectError, newChat, newMessage, startOfTime } from './parts.contract.ts';

export function chatContract({ store, owner }: ContractParts): void {
  describe('chats', () => {
    test('a chat comes back as it was made', async () => {
      const me = owner();
      const settings = { model: 'cria', sampling: { temperature: 0.25, stop: ['\u0000'] } };
      const made = await store().createChat(me, newChat({ title: 'Grüße 👋', folder: 'Work', settings }));
      expect(made).toMatchObject({
        title: 'Grüße 👋',
        folder: 'Work',
        settings,
        version: 1,
        messageCount: 0,
      });
      expect(await store().getChat(me, made.id)).toEqual(made);
      expect(await store().openChat(me, made.id)).toEqual({ chat: made, messages: [], runs: [] });
    });

    test('another owner sees nothing of it and can change nothing', async () => {
      const me = owner();
      const other = owner();
      const chat = await store().createChat(me, newChat());
      const message = await store().addMessage(me, { chatId: chat.id, message: newMessage('mine') });
      expect(await store().getChat(other, chat.id)).toBeNull();
      expect(await store().openChat(other, chat.id)).toBeNull();
      expect(await store().getMessage(other, message.id)).toBeNull();
      expect((await store().listChats(other, { limit: 10 })).items).toEqual([]);
      const change = { chatId: chat.id, version: 9, change: { title: 'theirs' } };
      await expectError(store().updateChat(other, change), 'not-found');
      await expectError(store().setActiveLeaf(other, { chatId: chat.id, leafId: null }), 'not-found');
      await expectError(
        store().addMessage(other, { chatId: chat.id, message: newMessage('x') }),
        'not-found',
      );
      const trashing = { trashId: uuidv7(), chatId: chat.id, version: 9, now: 1, purgeAt: 2 };
      await expectError(store().trash(other, trashing), 'not-found');
      await expectError(store().erase(other, { chatId: chat.id }), 'not-found');
      expect(await store().openChat(me, chat.id)).toMatchObject({
        chat: { title: 'A chat' },
        messages: [message],
      });
    });

    test('a stale write is refused with the version that there is, and changes nothing', async () => {
      const me = owner();
      const { id } = await store().createChat(me, newChat());
      const first = await store().updateChat(me, { chatId: id, version: 1, change: { title: 'first' } });
      expect(first.version).toBe(2);
      const write = { chatId: id, version: 1, change: { title: 'second' } };
      const error = await expectError(store().updateChat(me, write), 'conflict');
      expect(error.details).toEqual({ version: 2 });
      expect(await store().getChat(me, id)).toEqual(first);
    });

    test('of many stale writes at once one wins', async () => {
      const me = owner();
      const { id } = await store().createChat(me, newChat());
      const writes = Array.from({ length: 20 }, (_, at) =>
        store().updateChat(me, { chatId: id, version: 1, change: { title: `title ${at}` } }),
      );
      const outcomes = await Promise.allSettled(writes);
      expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
      expect(await store().getChat(me, id)).toMatchObject({ version: 2 });
    });

    test('lists pinned ones first, then the newest, page by page, by folder', async () => {
      const me = owner();
      const ids: string[] = [];
      for (let at = 0; at < 7; at++) {
        const folder = at % 2 === 0 ? 'even' : null;
        const chat = newChat({ title: `${at}`, folder, createdAt: startOfTime + Math.min(at, 4) });
        ids.push((await store().createChat(me, chat)).id);
      }
      await store().updateChat(me, { chatId: ids[1] ?? '', version: 1, change: { pinned: true } });
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await store().listChats(me, { limit: 2, cursor });
        seen.push(...page.items.map((chat) => chat.title));
        cursor = page.cursor;
      } while (cursor !== null);
      expect(seen).toEqual(['1', '4', '5', '6', '3', '2', '0']);
      expect((await store().listChats(me, { limit: 9, folder: null })).items).toHaveLength(3);
      expect((await store().listChats(me, { limit: 9, folder: 'even' })).items).toHaveLength(4);
      expect(await store().listFolders(me)).toEqual([{ name: 'even', chatCount: 4 }]);
      await expectError(store().listChats(me, { limit: 2, cursor: 'nonsense' }), 'bad-request');
    });

    test('tags: given, replaced, listed with their chats, copied, and nobody else’s', async () => {
      const me = owner();
      const other = owner();
      const first = await store().createChat(me, newChat({ tags: ['work', 'a b'] }));
      const second = await store().createChat(me, newChat());
      await store().createChat(other, newChat({ tags: ['work'] }));
      expect(first.tags).toEqual(['a b', 'work']);
      const write = { chatId: second.id, version: 1, change: { tags: ['work', 'Ünique', 'work'] } };
      expect((await store().updateChat(me, write)).tags).toEqual(['work', 'Ünique']);
      const tagged = async (tag: string): Promise<string[]> =>
        (await store().listChats(me, { limit: 10, tag })).items.map((chat) => chat.id).sort();
      expect(await tagged('work')).toEqual([first.id, second.id].sort());
      expect(await tagged('Work')).toEqual([]);
      const counted = async () =>
        (await store().listTags(me)).map(({ name, chatCount }) => `${name} ${chatCount}`).sort();
      expect(await counted()).toEqual(['a b 1', 'work 2', 'Ünique 1']);
      const newChatId = uuidv7();
      const copy = await store().duplicateChat(me, { chatId: first.id, newChatId, title: 'copy', now: 1 });
      expect(copy.chat.tags).toEqual(['a b', 'work']);
      const { items } = await store().exportChats(me, { limit: 10, chatIds: [second.id] });
      expect(items[0]?.chat.tags).toEqual(['work', 'Ünique']);
      const times = { now: startOfTime, purgeAt: startOfTime + 1 };
      await store().trash(me, { trashId: uuidv7(), chatId: second.id, ...times });
      expect(await counted()).toEqual(['a b 2', 'work 2']);
      await store().erase(me, { chatId: first.id });
      await store().erase(me, { chatId: newChatId });
      expect(await counted()).toEqual([]);
    });

    test('text comes back unit for unit, whatever it is', async () => {
      const me = owner();
      const chat = await store().createChat(me, newChat());
      const texts = [
        'a\u0000b',
        '\uD800 alone',
        '\uDC00\uD800',
        '\uF8FF0000',
        "'; drop table chat; --",
        '\r\n\t ',
        '',
      ];
      for (const text of texts) {
        const message = await store().addMessage(me, { chatId: chat.id, message: newMessage(text) });
        expect((await store().getMessage(me, message.id))?.content).toBe(text);
      }
    });

    test('a message of 10 MB is kept whole, found, and leaves the chat usable', async () => {
      const me = owner();
      const chat = await store().createChat(me, newChat());
      const words = Array.from({ length: 80_000 }, (_, at) => `word${at % 5000} ü${at}`).join(' ');
      const text = `zebracorn ${words} ${'x'.repeat(10_000_000 - words.length)}`;
      const message = await store().addMessage(me, { chatId: chat.id, message: newMessage(text) });
      expect((await store().getMessage(me, message.id))?.content === text).toBe(true);
      expect(await store().searchChats(me, { text: 'zebracorn', limit: 5 })).toHaveLength(1);
      await store().erase(me, { chatId: chat.id });
    });

    test('messages form a tree; the newest is shown; another branch can be shown', async () => {
      const me = owner();
      const { id } = await store().createChat(me, newChat());
      const add = (content: string, parentId: string | null, createdAt = startOfTime) =>
        store().addMessage(me, { chatId: id, message: newMessage(content, { parentId, createdAt }) });
      const root = await add('root', null, startOfTime + 9);
      const left = await add('left', root.id);
      const right = await add('right', root.id, startOfTime + 50);
      const opened = await store().openChat(me, id);
      expect(opened?.messages.map((message) => message.content)).toEqual(['root', 'left', 'right']);
      expect(opened?.chat).toMatchObject({
        activeLeafId: right.id,
        messageCount: 3,
        updatedAt: startOfTime + 50,
      });
      expect(await store().setActiveLeaf(me, { chatId: id, leafId: left.id })).toMatchObject({
        activeLeafId: left.id,
        version: 1,
      });
      const elsewhere = await store().createChat(me, newChat());
      await expectError(store().setActiveLeaf(me, { chatId: elsewhere.id, leafId: left.id }), 'not-found');
      const foreign = { chatId: elsewhere.id, message: newMessage('x', { parentId: left.id }) };
      await expectError(store().addMessage(me, foreign), 'not-found');
    });

    test('of the shown branch only the end may be asked for; each message comes with its siblings', async () => {
      const me = owner();
      const { id } = await store().createChat(me, newChat());
      const add = (content: string, parentId: string | null) =>
        store().addMessage(me, { chatId: id, message: newMessage(content, { parentId }) });
      const end = async (last: number): Promise<unknown> => {
        const opened = await store().openChat(me, id, { last });
        return [opened?.messages.map((message) => message.content), opened?.chat.messageCount];
      };
      expect(await end(2)).toEqual([[], 0]);
      const root = await add('root', null);
      const old = await add('old', root.id);
      await add('below old', old.id);
      const shown = await add('shown', root.id);
      const leaf = await add('leaf', shown.id);
      await add('beside leaf', shown.id);
      await store().setActiveLeaf(me, { chatId: id, leafId: leaf.id });
      expect(await end(1)).toEqual([['leaf', 'beside leaf'], 6]);
      expect(await end(2)).toEqual([['old', 'shown', 'leaf', 'beside leaf'], 6]);
      expect(await end(3)).toEqual([['root', 'old', 'shown', 'leaf', 'beside leaf'], 6]);
      await store().setActiveLeaf(me, { chatId: id, leafId: null });
      const all = ['root', 'old', 'below old', 'shown', 'leaf', 'beside leaf'];
      expect(await end(1)).toEqual([all, 6]);
      const trashing = { trashId: uuidv7(), chatId: id, messageId: shown.id, version: 1, now: 1, purgeAt: 2 };
      await store().trash(me, trashing);
      expect(await end(9)).toEqual([['root', 'old', 'below old'], 3]);
    });

    test('pin and feedback of a message, with its version', async () => {
      const me = owner();
      const { id } = await store().createChat(me, newChat());
      const { id: messageId } = await store().addMessage(me, { chatId: id, message: newMessage('x') });
      const feedback = { rating: 'down' as const, reason: 'wrong' };
      const changed = await store().updateMessage(me, {
        messageId,
        version: 1,
        change: { feedback, pinned: true },
      });
      expect(changed).toMatchObject({ version: 2, pinned: true, feedback });
      const stale = { messageId, version: 1, change: { feedback: null } };
      await expectError(store().updateMessage(me, stale), 'conflict');
      const cleared = await store().updateMessage(me, { ...stale, version: 2 });
      expect(cleared).toMatchObject({ feedback: null, pinned: true });
    });
  });
}
