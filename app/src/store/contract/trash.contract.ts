import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import type { ChatMessage } from '../../contracts/chats.ts';
import {
  type ContractParts,
  expectError,
  finish,
  newChat,
  newMessage,
  startOfTime,
  startRun,
} from './parts.contract.ts';

export function trashContract({ store, owner }: ContractParts): void {
  const times = { now: startOfTime, purgeAt: startOfTime + 1000 };
  const contents = async (me: string, chatId: string): Promise<string[] | undefined> =>
    (await store().openChat(me, chatId))?.messages.map((message) => message.content);

  /** root → (left → leftLeaf, right). */
  async function tree(me: string) {
    const { id: chatId } = await store().createChat(me, newChat({ title: 'Tree' }));
    const add = (content: string, parentId: string | null): Promise<ChatMessage> =>
      store().addMessage(me, { chatId, message: newMessage(content, { parentId }) });
    const root = await add('root', null);
    const left = await add('left', root.id);
    const leftLeaf = await add('left leaf', left.id);
    const right = await add('right', root.id);
    return { chatId, root, left, leftLeaf, right };
  }

  describe('trash', () => {
    test('a chat goes, is listed, and comes back', async () => {
      const me = owner();
      const { chatId } = await tree(me);
      const trashId = uuidv7();
      const entry = await store().trash(me, { trashId, chatId, version: 1, ...times });
      expect(entry).toMatchObject({ id: trashId, kind: 'chat', title: 'Tree', messageCount: 4 });
      expect(await store().openChat(me, chatId)).toBeNull();
      expect((await store().getChat(me, chatId))?.trashedAt).toBe(startOfTime);
      expect((await store().listChats(me, { limit: 5 })).items).toEqual([]);
      expect(await store().searchChats(me, { text: 'root', limit: 5 })).toEqual([]);
      await expectError(store().updateChat(me, { chatId, version: 1, change: { title: 'x' } }), 'not-found');
      const { activeLeafId: _, ...listed } = entry;
      expect((await store().listTrash(me, { limit: 5 })).items).toEqual([listed]);
      expect((await store().listTrash(owner(), { limit: 5 })).items).toEqual([]);
      await expectError(store().restore(owner(), trashId), 'not-found');
      expect(await store().restore(me, trashId)).toMatchObject({
        id: chatId,
        messageCount: 4,
        trashedAt: null,
      });
      await expectError(store().restore(me, trashId), 'not-found');
    });

    test('a message goes with all below it; the nearest one is shown; restoring shows the former', async () => {
      const me = owner();
      const { chatId, left, leftLeaf, right } = await tree(me);
      const first = uuidv7();
      const entry = await store().trash(me, {
        trashId: first,
        chatId,
        messageId: right.id,
        version: 1,
        ...times,
      });
      expect(entry).toMatchObject({ kind: 'messages', messageCount: 1, activeLeafId: leftLeaf.id });
      const second = uuidv7();
      const left2 = await store().trash(me, {
        trashId: second,
        chatId,
        messageId: left.id,
        version: 1,
        ...times,
      });
      expect(left2).toMatchObject({ messageCount: 2, activeLeafId: left.parentId });
      expect(await contents(me, chatId)).toEqual(['root']);
      expect(await store().restore(me, second)).toMatchObject({ activeLeafId: leftLeaf.id, messageCount: 3 });
      expect(await store().restore(me, first)).toMatchObject({ activeLeafId: right.id, messageCount: 4 });
    });

    test('what was shown before is not shown again where it is in the trash itself', async () => {
      const me = owner();
      const { chatId, leftLeaf, right } = await tree(me);
      await store().setActiveLeaf(me, { chatId, leafId: leftLeaf.id });
      const [first, second] = [uuidv7(), uuidv7()];
      await store().trash(me, { trashId: first, chatId, messageId: right.id, ...times });
      await store().trash(me, { trashId: second, chatId, messageId: leftLeaf.id, ...times });
      expect(await store().restore(me, first)).toMatchObject({ activeLeafId: right.id });
      await store().purgeTrashEntry(me, second);
      const third = uuidv7();
      await store().trash(me, { trashId: third, chatId, messageId: right.id, ...times });
      expect(await store().restore(me, third)).toMatchObject({ activeLeafId: right.id });
    });

    test('what was shown before is shown with what was said below it since', async () => {
      const me = owner();
      const { chatId, leftLeaf, right } = await tree(me);
      const trashId = uuidv7();
      await store().setActiveLeaf(me, { chatId, leafId: leftLeaf.id });
      await store().trash(me, { trashId, chatId, messageId: right.id, ...times });
      const said = newMessage('said since', { parentId: leftLeaf.id });
      await store().addMessage(me, { chatId, message: said });
      expect(await store().restore(me, trashId)).toMatchObject({ activeLeafId: said.id });
    });

    test('clear empties the chat, which stays with its settings, and can be undone', async () => {
      const me = owner();
      const { chatId, right } = await tree(me);
      const trashId = uuidv7();
      const entry = await store().trash(me, { trashId, chatId, clear: true, version: 1, ...times });
      expect(entry).toMatchObject({ kind: 'clear', messageCount: 4, activeLeafId: null });
      expect(await contents(me, chatId)).toEqual([]);
      expect(await store().restore(me, trashId)).toMatchObject({ activeLeafId: right.id, messageCount: 4 });
    });

    test('what lies below something trashed comes back only after it', async () => {
      const me = owner();
      const { chatId, left, leftLeaf } = await tree(me);
      const [below, above] = [uuidv7(), uuidv7()];
      await store().trash(me, { trashId: below, chatId, messageId: leftLeaf.id, version: 1, ...times });
      await store().trash(me, { trashId: above, chatId, messageId: left.id, version: 1, ...times });
      const error = await expectError(store().restore(me, below), 'conflict');
      expect(error.details).toEqual({ trashId: above });
      await store().restore(me, above);
      await store().restore(me, below);
      expect(await contents(me, chatId)).toEqual(['root', 'left', 'left leaf', 'right']);
    });

    test('an entry whose messages went for good with those above them is gone as well', async () => {
      const me = owner();
      const { chatId, left, leftLeaf, right } = await tree(me);
      await store().setActiveLeaf(me, { chatId, leafId: leftLeaf.id });
      const [below, above, beside] = [uuidv7(), uuidv7(), uuidv7()];
      await store().trash(me, { trashId: below, chatId, messageId: leftLeaf.id, ...times });
      await store().trash(me, { trashId: above, chatId, messageId: left.id, ...times });
      await store().trash(me, { trashId: beside, chatId, messageId: right.id, ...times });
      await store().purgeTrashEntry(me, above);
      expect((await store().listTrash(me, { limit: 5 })).items.map((entry) => entry.id)).toEqual([beside]);
      await expectError(store().restore(me, below), 'not-found');
      expect(await store().restore(me, beside)).toMatchObject({ activeLeafId: right.id, messageCount: 2 });
    });

    test('where nothing comes back, what is shown stays', async () => {
      const me = owner();
      const { id: chatId } = await store().createChat(me, newChat());
      const trashId = uuidv7();
      await store().trash(me, { trashId, chatId, clear: true, ...times });
      const said = await store().addMessage(me, { chatId, message: newMessage('said since') });
      expect(await store().restore(me, trashId)).toMatchObject({ activeLeafId: said.id, messageCount: 1 });
    });

    test('a stale version and an answer that is being written are refused', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      const write = { trashId: uuidv7(), chatId: run.chatId, version: 1, ...times };
      await expectError(store().trash(me, write), 'conflict');
      await store().finishRun(me, finish(run.runId, { offset: 0, text: 'done' }));
      await expectError(store().trash(me, { ...write, messageId: run.messageId }), 'conflict');
      await store().trash(me, { ...write, messageId: run.messageId, version: 2 });
      expect(await contents(me, run.chatId)).toEqual(['Hello']);
    });

    test('after its time an entry is gone for good, and only then', async () => {
      const me = owner();
      const one = await tree(me);
      const two = await tree(me);
      const inner = {
        trashId: uuidv7(),
        chatId: two.chatId,
        messageId: two.leftLeaf.id,
        version: 1,
        now: 1,
        purgeAt: 900,
      };
      await store().trash(me, inner);
      await store().trash(me, { trashId: uuidv7(), chatId: one.chatId, version: 1, now: 1, purgeAt: 1000 });
      const outer = {
        trashId: uuidv7(),
        chatId: two.chatId,
        messageId: two.left.id,
        version: 1,
        now: 1,
        purgeAt: 1000,
      };
      await store().trash(me, outer);
      // Other tests leave entries in the store too.
      const purged = async (now: number): Promise<string[]> =>
        (await store().purgeTrash(now)).chatIds.filter((id) => id === one.chatId || id === two.chatId);
      expect(await purged(899)).toEqual([]);
      expect((await purged(1000)).toSorted()).toEqual([one.chatId, two.chatId].toSorted());
      expect(await store().getChat(me, one.chatId)).toBeNull();
      expect((await store().listTrash(me, { limit: 5 })).items).toEqual([]);
      await expectError(store().restore(me, outer.trashId), 'not-found');
      expect(await contents(me, two.chatId)).toEqual(['root', 'right']);
    });

    test('one entry can be purged before its time', async () => {
      const me = owner();
      const { chatId, right } = await tree(me);
      const trashId = uuidv7();
      await store().trash(me, { trashId, chatId, messageId: right.id, ...times });
      await expectError(store().purgeTrashEntry(owner(), trashId), 'not-found');
      expect(await store().purgeTrashEntry(me, trashId)).toEqual({ chatId });
      await expectError(store().restore(me, trashId), 'not-found');
    });
  });
}
