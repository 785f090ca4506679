import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChats, watchToEnd, type OpenedChats } from '../../../test/fixtures/open-chats.ts';
import type { StartedRuns } from '../chats.ts';

let opened: OpenedChats;
const owner = 'owner';

beforeAll(async () => {
  opened = await openChats({ config: { feedback: true, loggingUrl: 'http://sink.example' } });
});
afterAll(() => opened.remove());

describe('temporary chats', () => {
  test('answer like others and leave nothing behind', async () => {
    const { chats, say, store } = opened;
    const { id } = await chats.create(owner, { temporary: true });
    const words = 'nobody-will-read-this-4711';
    await say(id, words);
    await say(id, 'and go on');
    const { messages, logged: isLogged, chat } = await chats.open(owner, id);
    expect(messages).toHaveLength(4);
    expect(isLogged).toBe(false);
    expect(chat.temporary).toBe(true);
    expect(await store.getChat(owner, id)).toBeNull();
    expect(await chats.receipts(owner, messages[1]!.id)).toEqual([]);
    expect(await store.unfinishedRuns()).toEqual([]);
    expect((await store.outboxStatus()).pending).toBe(0);
    expect(await store.searchChats(owner, { text: '4711', limit: 5 })).toEqual([]);
    expect((await chats.list(owner, { limit: 100 })).items.some((one) => one.id === id)).toBe(false);
    expect(await chats.trash(owner, id)).toBeNull();
    await expect(chats.open(owner, id)).rejects.toMatchObject({ code: 'not-found' });
  });

  test('a request that comes again is answered once, while it is written and afterwards', async () => {
    const { chats } = opened;
    const { id } = await chats.create(owner, { temporary: true });
    const send = (content: string): Promise<StartedRuns> =>
      chats.run(owner, id, { input: { kind: 'message', content } }, { idempotencyKey: 'said-once' });
    const both = await Promise.all([send('hello'), send('hello')]);
    expect(both.map(({ repeated }) => repeated).sort()).toEqual([false, true]);
    await watchToEnd(chats, owner, both[0].runs[0]!);
    const later = await send('hello');
    expect(later).toMatchObject({ repeated: true, userMessage: { content: 'hello' } });
    expect(later.runs.map((run) => run.id)).toEqual(both[0].runs.map((run) => run.id));
    expect((await chats.open(owner, id)).messages).toHaveLength(2);
    await expect(send('something else')).rejects.toMatchObject({ code: 'idempotency-mismatch' });
    const kept = await opened.chat();
    const elsewhere = chats.run(
      owner,
      kept.id,
      { input: { kind: 'message', content: 'hello' } },
      { idempotencyKey: 'said-once' },
    );
    await expect(elsewhere).rejects.toMatchObject({ code: 'idempotency-mismatch' });
  });
});
