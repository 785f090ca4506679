import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import type { Receipt } from '../../contracts/runs.ts';
import {
  type ContractParts,
  expectError,
  newChat,
  newMessage,
  startOfTime,
  startRun,
} from './parts.contract.ts';

/** Whole chats as they are copied, taken in and given out. */
export function chatExchangeContract({ store, owner }: ContractParts): void {
  describe('chats as a whole', () => {
    test('a copy has the whole tree with new ids, and the text of an answer that is being written', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      await store().appendJournal([{ owner: me, runId: run.runId, epoch: 1, offset: 0, text: 'so far' }]);
      const copy = await store().duplicateChat(me, {
        chatId: run.chatId,
        newChatId: uuidv7(),
        title: 'Copy',
        now: startOfTime + 5,
      });
      const opened = await store().openChat(me, copy.chat.id);
      expect(opened?.runs).toEqual([]);
      expect(opened?.messages.map((message) => [message.content, message.state])).toEqual([
        ['Hello', 'complete'],
        ['so far', 'stopped'],
      ]);
      expect(opened?.messages[1]?.id).toBe(copy.messageIds[run.messageId]);
      expect(opened?.messages[1]?.parentId).toBe(opened?.messages[0]?.id);
      expect(opened?.chat).toMatchObject({ title: 'Copy', activeLeafId: copy.messageIds[run.messageId] });
    });

    test('an import is taken in once, with its order and its leaf, and exports as it was', async () => {
      const me = owner();
      const question = newMessage('question');
      const answer = newMessage('answer', { parentId: question.id, role: 'assistant', model: 'gpt' });
      const chat = { ...newChat({ titleSource: 'import' }), pinned: true, updatedAt: startOfTime + 7 };
      const runId = uuidv7();
      const receipt = { runId, messageId: answer.id, endReason: 'stop', createdAt: startOfTime } as Receipt;
      const run = {
        id: runId,
        messageId: answer.id,
        startOffset: 0,
        endOffset: 6,
        endReason: 'stop' as const,
        error: null,
        resumedAt: [],
        createdAt: startOfTime,
        receipt,
      };
      const imported = {
        chat,
        messages: [question, { ...answer, runId, state: 'length' as const }],
        activeLeafId: answer.id,
        importKey: 'a',
        runs: [run, { ...run, id: uuidv7(), receipt: null }],
      };
      expect(await store().importChats(me, [imported])).toEqual({ chatIds: [chat.id], passedOver: 0 });
      expect(await store().importChats(me, [imported])).toEqual({ chatIds: [], passedOver: 1 });
      const exported = await store().exportChats(me, { limit: 10 });
      expect(exported.cursor).toBeNull();
      expect(exported.items).toHaveLength(1);
      expect(exported.items[0]).toMatchObject({
        chat: { pinned: true, updatedAt: startOfTime + 7, activeLeafId: answer.id },
        messages: [{ content: 'question' }, { content: 'answer', model: 'gpt', runId, state: 'length' }],
        receipts: [receipt],
      });
      expect(await store().getReceipt(me, runId)).toEqual(receipt);
      expect(await store().getRun(me, runId)).toMatchObject({ phase: 'ended', durableOffset: 6 });
      const good = {
        ...imported,
        chat: { ...chat, id: uuidv7() },
        importKey: 'b',
        messages: [],
        runs: [],
        activeLeafId: null,
      };
      const bad = { ...good, chat: { ...chat }, importKey: 'c' };
      await expectError(store().importChats(me, [good, bad]), 'conflict');
      expect(await store().getChat(me, good.chat.id)).toBeNull();
    });

    test('what was imported and lies in the trash is taken in again, and can be brought back beside it', async () => {
      const me = owner();
      const take = async (): Promise<{ chatIds: string[]; passedOver: number }> => {
        const question = newMessage('question');
        const chat = { ...newChat({ titleSource: 'import' }), updatedAt: startOfTime };
        const imported = { chat, messages: [question], activeLeafId: question.id, importKey: 'a' };
        return store().importChats(me, [imported]);
      };
      const { chatIds } = await take();
      const trashId = uuidv7();
      const times = { now: startOfTime, purgeAt: startOfTime + 1 };
      await store().trash(me, { trashId, chatId: chatIds[0]!, ...times });
      expect(await take()).toMatchObject({ chatIds: [expect.any(String)], passedOver: 0 });
      expect(await take()).toEqual({ chatIds: [], passedOver: 1 });
      await store().restore(me, trashId);
      expect((await store().listChats(me, { limit: 5 })).items).toHaveLength(2);
    });

    test('an export of many chats comes in pages', async () => {
      const me = owner();
      const ids: string[] = [];
      for (let at = 0; at < 5; at++) ids.push((await store().createChat(me, newChat())).id);
      const first = await store().exportChats(me, { limit: 3 });
      const second = await store().exportChats(me, { limit: 3, cursor: first.cursor });
      expect([...first.items, ...second.items].map((item) => item.chat.id)).toEqual(ids);
      expect(second.cursor).toBeNull();
      const chosen = await store().exportChats(me, { limit: 3, chatIds: ids.slice(1, 3) });
      expect(chosen.items.map((item) => item.chat.id)).toEqual(ids.slice(1, 3));
    });
  });
}
