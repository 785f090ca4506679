import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChats, watchToEnd, type OpenedChats } from '../../../test/fixtures/open-chats.ts';
import { AppError } from '../../contracts/app-error.ts';
import { createScriptedLoader } from '../../engine/scripted/scripted-loader.ts';
import { newChat, newRun, startRun } from '../../store/contract/parts.contract.ts';
import type { StartedRuns } from '../chats.ts';
import { createRoutedStore } from './routed-store.ts';
import { TemporaryChats } from './temporary-chats.ts';

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

  test('what is said while the state of a cleared one is still going is answered and stays', async () => {
    const going = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const dropState = (): Promise<void> => {
      going.resolve();
      return gone.promise;
    };
    const { chats, say, remove } = await openChats({
      loaders: [{ ...createScriptedLoader(), kind: 'remote', dropState }],
    });
    const { id } = await chats.create(owner, { temporary: true });
    await say(id, 'before');
    const clearing = chats.clear(owner, id);
    await going.promise;
    expect((await say(id, 'after')).end).toMatchObject({ reason: 'stop' });
    gone.resolve();
    expect(await clearing).toBeNull();
    expect((await chats.open(owner, id)).messages.map(({ content }) => content)).toEqual([
      'after',
      expect.stringContaining('after'),
    ]);
    await remove();
  });

  test('a run whose message is gone is refused alone: what others are told reaches the disk', async () => {
    const { store } = opened;
    const memory = new TemporaryChats();
    const routed = createRoutedStore(store, memory);
    const { id: chatId } = await memory.createChat(owner, newChat());
    const { answers } = await routed.acceptRuns(owner, newRun(chatId));
    const gone = answers[0]!.run.id;
    const { runId: kept } = await startRun(store, owner);
    memory.forget(owner, { chatId, clear: true });
    const entries = [gone, kept].map((runId) => ({ owner, runId, epoch: 1, offset: 0, text: 'word' }));
    expect(await routed.appendJournal(entries)).toEqual({ refusedRunIds: [gone] });
    expect(await store.readJournal(owner, kept, 0)).toMatchObject({ text: 'word', durableOffset: 4 });
  });

  test('the hundred-and-first takes the place of the one that was longest neither used nor answered', async () => {
    const memory = new TemporaryChats();
    const create = async (): Promise<string> => (await memory.createChat(owner, newChat())).id;
    const [answered, read, idle] = [await create(), await create(), await create()];
    await memory.acceptRuns(owner, newRun(answered));
    for (let made = 3; made < 100; made += 1) await create();
    await memory.openChat(owner, read);
    await create();
    await create();
    const left = [answered, read, idle].filter((id) => memory.hasChat(id));
    expect(left).toEqual([answered, read]);
  });
});

describe('temporary chats that the operator has logged', () => {
  const config = { feedback: true, loggingUrl: 'http://sink.example', loggingTemporary: true };

  test('a thumb is sent once more, and a refused one is not', async () => {
    const { chats, say, store, remove } = await openChats({ config });
    const { id } = await chats.create(owner, { temporary: true });
    const { run } = await say(id, 'rate me');
    const rate = (version: number) =>
      chats.updateMessage(owner, id, {
        messageId: run.messageId,
        version,
        change: { feedback: { rating: 'up', reason: null } },
      });
    const version = (await chats.open(owner, id)).messages[1]!.version;
    await rate(version);
    await expect(rate(version)).rejects.toMatchObject({ code: 'conflict' });
    expect(await store.outboxStatus()).toMatchObject({ pending: 2 });
    const now = Number.MAX_SAFE_INTEGER;
    const [first] = await store.dueOutboxEvents({ now, limit: 5, except: [] });
    await store.recordDeliveries([{ id: first!.id, outcome: 'delivered', now: 1 }]);
    const [second] = await store.dueOutboxEvents({ now, limit: 5, except: [] });
    expect(JSON.parse(second!.body)).toMatchObject({ conversation_id: id, feedback: { rating: 'up' } });
    await remove();
  });

  test('erasing one takes its waiting events along, and leaves those of others', async () => {
    const { chats, say, store, remove } = await openChats({ config });
    const [gone, stays] = [
      await chats.create(owner, { temporary: true }),
      await chats.create(owner, { temporary: true }),
    ];
    await say(gone.id, 'forget me');
    await say(stays.id, 'keep me');
    expect(await chats.erase(owner, { chatId: gone.id })).toEqual({ chatIds: [gone.id] });
    const waiting = await store.dueOutboxEvents({ now: Number.MAX_SAFE_INTEGER, limit: 5, except: [] });
    expect(waiting.map(({ conversationId }) => conversationId)).toEqual([stays.id]);
    await remove();
  });

  test('the disk refuses the event, then its answer gets lost: it is written once, and the run ends', async () => {
    let tries = 0;
    const { chats, say, store, remove } = await openChats({
      config,
      around: (inner) => ({
        ...inner,
        addOutboxEvents: async (who, events) => {
          if (++tries === 1) throw new AppError('disk-full', 'the disk is full');
          await inner.addOutboxEvents(who, events);
          if (tries === 2) throw new AppError('store-unavailable', 'the connection was lost');
        },
      }),
    });
    const { id } = await chats.create(owner, { temporary: true });
    expect((await say(id, 'log me')).end).toMatchObject({ reason: 'stop' });
    expect((await chats.open(owner, id)).messages[1]).toMatchObject({ state: 'complete' });
    expect(await store.outboxStatus()).toMatchObject({ pending: 1 });
    await remove();
  });
});
