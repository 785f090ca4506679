import { uuidv7 } from 'uuidv7';
import { describe, expect, test, vi } from 'vitest';
import {
  message,
  opensChats,
  readUntil,
  watchToEnd,
  type OpenedChats,
} from '../../../test/fixtures/open-chats.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { Chat } from '../../contracts/chats.ts';
import type { Run } from '../../contracts/runs.ts';
import type { Script } from '../../engine/scripted/script.ts';

const { open, last } = opensChats();

/** Waits until something of the answer is shown. */
const firstWords = (opened: OpenedChats, run: Run): Promise<string> =>
  readUntil(opened, run, (text) => text !== '');

describe('a disk that is full', () => {
  test('before an acknowledged answer has begun: it is given all the same', async () => {
    let isFull = false;
    const refuse = async (): Promise<never> => {
      throw new AppError('disk-full', 'the disk is full');
    };
    const { chats, owner, chat } = await open({
      script: { loadMs: 200, tokensPerSecond: 300 },
      around: (store) => ({
        ...store,
        updateRun: (who, update) => (isFull ? refuse() : store.updateRun(who, update)),
        appendJournal: (entries) => (isFull ? refuse() : store.appendJournal(entries)),
        finishRun: (who, write) => (isFull ? refuse() : store.finishRun(who, write)),
      }),
    });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, message('/long 20'));
    isFull = true;
    await firstWords(last(), runs[0]!);
    isFull = false;
    const { text, end } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'stop' });
    expect((await chats.open(owner, id)).messages[1]).toMatchObject({ content: text, state: 'complete' });
  });

  test('costs nothing: the answer goes on in memory and is written when there is room', async () => {
    let isFull = false;
    const refuse = async (): Promise<never> => {
      throw new AppError('disk-full', 'the disk is full');
    };
    const { chats, owner, chat } = await open({
      script: { tokensPerSecond: 300 },
      around: (store) => ({
        ...store,
        appendJournal: (entries) => (isFull ? refuse() : store.appendJournal(entries)),
        finishRun: (who, write) => (isFull ? refuse() : store.finishRun(who, write)),
        acceptRuns: (who, write) => (isFull ? refuse() : store.acceptRuns(who, write)),
      }),
    });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, message('/long 100'));
    await firstWords(last(), runs[0]!);
    isFull = true;
    const watching = watchToEnd(chats, owner, runs[0]!);
    await expect(chats.run(owner, (await chat()).id, message('no room'))).rejects.toMatchObject({
      code: 'disk-full',
    });
    await new Promise((resolve) => setTimeout(resolve, 700));
    isFull = false;
    const { text, end } = await watching;
    expect(end.reason).toBe('stop');
    expect((await chats.open(owner, id)).messages[1]).toMatchObject({ content: text, state: 'complete' });
  });
});

describe('a disk that fails under an engine that crashes', () => {
  async function crashed(): Promise<{ run: Run; setFull: (value: boolean) => void }> {
    let isFull = false;
    let crashes = 0;
    const mishap = () => (crashes++ === 0 ? { kind: 'crash' as const, afterTokens: 30 } : null);
    const refuse = async (): Promise<never> => {
      throw new AppError('input-output', 'the disk reports an error');
    };
    const { chats, owner, chat } = await open({
      script: { tokensPerSecond: 200, mishap },
      around: (store) => ({
        ...store,
        appendJournal: (entries) => (isFull ? refuse() : store.appendJournal(entries)),
        resumeRun: (who, write) => (isFull ? refuse() : store.resumeRun(who, write)),
        finishRun: (who, write) => (isFull ? refuse() : store.finishRun(who, write)),
      }),
    });
    const { runs } = await chats.run(owner, (await chat()).id, message('/long 60'));
    await firstWords(last(), runs[0]!);
    isFull = true;
    // Longer than the crash is away, and than the first try to go on.
    await new Promise((resolve) => setTimeout(resolve, 600));
    return { run: runs[0]!, setFull: (value) => (isFull = value) };
  }

  test('costs nothing: the answer goes on when the disk takes it', async () => {
    const { run, setFull } = await crashed();
    const { chats, owner } = last();
    const watching = watchToEnd(chats, owner, run);
    setFull(false);
    const { text, end } = await watching;
    expect(end).toMatchObject({ reason: 'stop', resumed: true });
    const { messages } = await chats.open(owner, run.chatId);
    expect(messages[1]).toMatchObject({ content: text, state: 'complete' });
  });

  test('is no reason not to stop', async () => {
    const { run, setFull } = await crashed();
    const { chats, owner } = last();
    const stopping = chats.stop(owner, run.id);
    setFull(false);
    await stopping;
    expect(await chats.getRun(owner, run.id)).toMatchObject({ endReason: 'aborted' });
  });
});

describe('a slow disk', () => {
  test('an answer that ends during a commit is finished at the first try', async () => {
    let refused = 0;
    const { say, chat } = await open({
      script: { tokensPerSecond: 400, slots: 16 },
      around: (store) => ({
        ...store,
        appendJournal: async (entries) => {
          const appended = await store.appendJournal(entries);
          // Written, but not yet told.
          await new Promise((resolve) => setTimeout(resolve, 120));
          return appended;
        },
        finishRun: (who, write) =>
          store.finishRun(who, write).catch((error: unknown) => {
            refused += 1;
            throw error;
          }),
      }),
    });
    const lengths = [80, 100, 120, 140, 160, 180];
    const said = await Promise.all(lengths.map(async (length) => say((await chat()).id, `/long ${length}`)));
    expect(said.map(({ end }) => end.reason)).toEqual(lengths.map(() => 'stop'));
    expect(refused).toBe(0);
  });
});

describe('stopping', () => {
  const unfinished = async (): Promise<string[]> => {
    const { chats, owner } = last();
    return (await chats.listRuns(owner, { active: true, limit: 5 })).map(({ id }) => id).toSorted();
  };

  test('works in every phase, also while the model is loading', async () => {
    const { chats, owner, chat } = await open({ script: { loadMs: 10_000 } });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, message('never mind'));
    await chats.stop(owner, runs[0]!.id);
    expect((await chats.open(owner, id)).messages[1]).toMatchObject({ content: '', state: 'stopped' });
  });

  test('works while an answer waits for its turn', async () => {
    const { chats, owner, chat } = await open({ script: { tokensPerSecond: 10, slots: 1 } });
    const first = await chat();
    const second = await chat();
    const before = await chats.run(owner, first.id, message('/long 500'));
    await firstWords(last(), before.runs[0]!);
    const { runs } = await chats.run(owner, second.id, message('waiting'));
    const phase = async (): Promise<string> => (await chats.getRun(owner, runs[0]!.id)).phase;
    await expect.poll(phase).toBe('queued');
    await chats.stop(owner, runs[0]!.id);
    expect(await chats.getRun(owner, runs[0]!.id)).toMatchObject({ endReason: 'aborted' });
    expect(await unfinished()).toEqual([before.runs[0]!.id]);
    await chats.stop(owner, before.runs[0]!.id);
  });

  test('works while an answer waits for others that were there when the engine went away twice', async () => {
    let crashes = 0;
    const script: Script = {
      tokensPerSecond: 20,
      mishap: (_request, question) =>
        question.includes('poison') && crashes++ < 2 ? { kind: 'crash', afterTokens: 10 } : null,
    };
    const { chats, owner, chat } = await open({ script });
    const say = async (content: string): Promise<Run> =>
      (await chats.run(owner, (await chat()).id, message(content))).runs[0]!;
    const runs = [await say('/long 150'), await say('/long 150'), await say('poison /long 150')];
    const waiting = await vi.waitFor(
      async () => {
        const now = await Promise.all(runs.map((run) => chats.getRun(owner, run.id)));
        expect(now.map(({ epoch }) => epoch)).toEqual([3, 3, 3]);
        const rest = now.filter(({ phase }) => phase !== 'streaming');
        expect(rest).toHaveLength(2);
        return rest[0]!;
      },
      { timeout: 20_000 },
    );
    await chats.stop(owner, waiting.id);
    const others = runs.filter((run) => run.id !== waiting.id);
    expect(await unfinished()).toEqual(others.map(({ id }) => id));
    delete script.tokensPerSecond;
    const ends = await Promise.all(others.map((run) => watchToEnd(chats, owner, run)));
    expect(ends.map(({ end }) => end.reason)).toEqual(['stop', 'stop']);
  });
});

describe('while an answer is written', () => {
  test('a new message after it waits; deleting the chat stops it', async () => {
    const { chats, owner, chat } = await open({ script: { tokensPerSecond: 50 } });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, message('/long 500'));
    await firstWords(last(), runs[0]!);
    await expect(chats.run(owner, id, message('and?'))).rejects.toMatchObject({ code: 'conflict' });
    const reply = (await chats.open(owner, id)).messages[1]!;
    const again = { input: { kind: 'continue' as const, messageId: reply.id } };
    await expect(chats.run(owner, id, again)).rejects.toMatchObject({ code: 'conflict' });
    const entry = await chats.trash(owner, id);
    expect(await chats.listRuns(owner, { active: true, limit: 5 })).toEqual([]);
    await chats.restore(owner, entry!.id);
    const kept = (await chats.open(owner, id)).messages[1]!;
    expect(kept.state).toBe('stopped');
    expect(kept.content.length).toBeGreaterThan(0);
  });

  /** A question with a whole answer and another one that is being written. */
  async function answeredAgain(): Promise<{ chat: Chat; question: string; first: string; run: Run }> {
    const script: Script = {};
    const { chats, owner, chat: create, say } = await open({ script });
    const chat = await create();
    const first = (await say(chat.id, '/long 400')).run.messageId;
    script.tokensPerSecond = 50;
    const again = { input: { kind: 'regenerate' as const, messageId: first } };
    const { runs, parentId } = await chats.run(owner, chat.id, again);
    await firstWords(last(), runs[0]!);
    return { chat, question: parentId!, first, run: runs[0]! };
  }

  test('deleting another answer leaves it; deleting its own message, by the version seen, stops it', async () => {
    const { chat, question, first, run } = await answeredAgain();
    const { chats, owner } = last();
    await chats.trashMessage(owner, chat.id, { messageId: first });
    expect(await chats.listRuns(owner, { active: true, limit: 5 })).toMatchObject([{ id: run.id }]);
    const entry = await chats.trashMessage(owner, chat.id, { messageId: run.messageId, version: 1 });
    expect(entry).toMatchObject({ kind: 'messages', messageCount: 1 });
    expect(await chats.getRun(owner, run.id)).toMatchObject({ endReason: 'aborted' });
    expect((await chats.open(owner, chat.id)).messages).toMatchObject([{ id: question }]);
  });

  test('what is refused stops nothing', async () => {
    const { chat, question, run } = await answeredAgain();
    const { chats, owner } = last();
    const { id, version } = await chats.update(owner, chat.id, { change: { title: 'Renamed' } });
    await chats.updateMessage(owner, id, { messageId: question, change: { pinned: true } });
    const attempts: [string, () => Promise<unknown>][] = [
      ['conflict', () => chats.trashMessage(owner, id, { messageId: question, version: 1 })],
      ['not-found', () => chats.trashMessage(owner, id, { messageId: uuidv7() })],
      ['conflict', () => chats.trash(owner, id, version - 1)],
      ['conflict', () => chats.clear(owner, id, version - 1)],
    ];
    for (const [code, attempt] of attempts) {
      await expect(attempt()).rejects.toMatchObject({ code });
      expect(await chats.listRuns(owner, { active: true, limit: 5 })).toMatchObject([{ id: run.id }]);
    }
    await chats.clear(owner, id, version);
    expect(await chats.open(owner, id)).toMatchObject({ messages: [], activeRuns: [] });
  });

  test('erasing everything ends it and leaves nothing', async () => {
    const { chats, owner, chat, store } = await open({ script: { tokensPerSecond: 50 } });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, message('/long 500'));
    await firstWords(last(), runs[0]!);
    expect(await chats.erase(owner, { everything: true })).toEqual({ chatIds: [id] });
    expect(await store.unfinishedRuns()).toEqual([]);
    expect((await chats.list(owner, { limit: 5 })).items).toEqual([]);
  });

  test('a temporary chat survives a crash of the engine like others', async () => {
    let crashes = 0;
    const mishap = () => (crashes++ === 0 ? { kind: 'crash' as const, afterTokens: 10 } : null);
    const { chats, owner } = await open({ script: { tokensPerSecond: 300, mishap } });
    const { id } = await chats.create(owner, { temporary: true });
    const { runs } = await chats.run(owner, id, message('/long 40'));
    const { end, text } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'stop', resumed: true });
    expect((await chats.open(owner, id)).messages[1]?.content).toBe(text);
  });
});

describe('an engine that fails', () => {
  test('ends the answer with its reason and keeps what was written', async () => {
    const { chats, owner, chat } = await open({ script: { tokensPerSecond: 300 } });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, message('/fail 5 provider-rate-limited'));
    const { end } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'provider-rate-limited' } });
    const reply = (await chats.open(owner, id)).messages[1];
    expect(reply).toMatchObject({ state: 'failed', outcome: { error: { code: 'provider-rate-limited' } } });
    expect(reply?.content.length).toBeGreaterThan(0);
  });

  test('that cannot be loaded says why', async () => {
    const loadError = () => new AppError('model-load-failed', 'the file is damaged');
    const { chats, owner, chat } = await open({ script: { loadError } });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, message('hello'));
    const { end } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'model-load-failed' } });
    expect(await chats.receipts(owner, runs[0]!.messageId)).toEqual([]);
  });
});

describe('what the operator chose', () => {
  test('a full outbox makes new answers wait when it must', async () => {
    const { chats, owner, chat } = await open({ refusal: () => new AppError('log-full', 'no room') });
    const { id } = await chat();
    await expect(chats.run(owner, id, message('hello'))).rejects.toMatchObject({ code: 'log-full' });
    expect((await chats.open(owner, id)).messages).toEqual([]);
  });

  test('a log that is switched off gets nothing, whatever its address', async () => {
    const { chats, chat, say, store } = await open({
      config: { loggingUrl: 'http://sink.example', loggingMode: 'off', loggingTemporary: true },
    });
    const { id } = await chat();
    await say(id, 'hello');
    expect((await chats.open(last().owner, id)).logged).toBe(false);
    expect((await store.outboxStatus()).pending).toBe(0);
  });

  test('feedback is off unless it is switched on', async () => {
    const { chats, owner, chat, say } = await open();
    const { id } = await chat();
    const { run } = await say(id, 'hello');
    const change = { feedback: { rating: 'up' as const, reason: null } };
    await expect(chats.updateMessage(owner, id, { messageId: run.messageId, change })).rejects.toMatchObject({
      code: 'unsupported-field',
    });
  });

  test('metadata sends no text, and temporary chats only when it is forced', async () => {
    const { chats, owner, store } = await open({
      config: { loggingUrl: 'http://sink.example', loggingMode: 'metadata', loggingTemporary: true },
    });
    const { id } = await chats.create(owner, {
      temporary: true,
      settings: { systemPrompt: 'hidden-system' },
    });
    expect((await chats.open(owner, id)).logged).toBe(true);
    const { runs } = await chats.run(owner, id, message('hidden-words'));
    await watchToEnd(chats, owner, runs[0]!);
    const [event] = await store.dueOutboxEvents({ now: Number.MAX_SAFE_INTEGER, limit: 5, except: [] });
    expect(event?.body).not.toContain('hidden');
    expect(JSON.parse(event!.body)).toMatchObject({
      conversation_id: id,
      messages: [{ role: 'system', characters: 13 }, { role: 'user', characters: 12 }, { role: 'assistant' }],
    });
  });
});
