import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openChats, readUntil, watchToEnd, type OpenedChats } from '../../../test/fixtures/open-chats.ts';
import type { GenerateRequest } from '../../engine/engine.ts';
import type { Script } from '../../engine/scripted/script.ts';

/** One place for all tests; each says how the engine behaves. */
const script: Script = {};
let opened: OpenedChats;
const owner = 'owner';
const behaving = (how: Script): OpenedChats => {
  Object.assign(script, how);
  return opened;
};

beforeAll(async () => {
  opened = await openChats({ script });
});
afterAll(() => opened.remove());
afterEach(() => {
  for (const name of Object.keys(script) as (keyof Script)[]) delete script[name];
});

/** The usual gap between two moments; a stall of the machine or of its disk is an unusual one. */
function usualGap(moments: readonly number[]): number {
  const gaps = moments.slice(1).map((moment, index) => moment - moments[index]!);
  return gaps.sort((left, right) => left - right)[Math.floor(gaps.length / 2)] ?? 0;
}

describe('a run', () => {
  test('writes message, answer, receipt and title job, and tells watchers in order', async () => {
    const { chats, chat, say, store } = opened;
    const { id } = await chat();
    const { text, end, events } = await say(id, 'Hello, herd');
    expect(text).toContain('You said "Hello, herd"');
    expect(end).toMatchObject({ reason: 'stop', offset: text.length, resumed: false });
    expect(events[0]).toMatchObject({ type: 'start', offset: 0, epoch: 1 });
    const types = events.map((event) => event.type);
    expect(types.indexOf('plan')).toBeLessThan(types.indexOf('text'));
    const { messages, activeRuns, chat: after } = await chats.open(owner, id);
    expect(activeRuns).toEqual([]);
    expect(messages.map(({ role, content, state }) => [role, content, state])).toEqual([
      ['user', 'Hello, herd', 'complete'],
      ['assistant', text, 'complete'],
    ]);
    expect(messages[1]?.outcome).toMatchObject({ endReason: 'stop', resumed: false, droppedMessages: 0 });
    expect(after.activeLeafId).toBe(messages[1]?.id);
    expect(await store.listJobs(owner, { kind: 'title', limit: 5 })).toHaveLength(1);
    const [receipt] = await chats.receipts(owner, messages[1]?.id ?? '');
    expect(receipt).toMatchObject({
      endReason: 'stop',
      startOffset: 0,
      endOffset: text.length,
      resumedAt: [],
      model: { reference: 'scripted', kind: 'scripted' },
      sampling: { temperature: 0.7, topK: 40, maxNewTokens: 512 },
    });
    expect(receipt?.sampling.seed).toBeTypeOf('number');
    expect(receipt?.promptIdsHash).toMatch(/^[0-9a-f]{64}$/u);
    expect(receipt?.ignoredSampling).toContain('topK');
  });

  test('message and run are on disk when it is accepted', async () => {
    const { chats, chat, store } = behaving({ loadMs: 5000 });
    const { id } = await chat({ model: 'not loaded yet' });
    const { runs } = await chats.run(owner, id, { input: { kind: 'message', content: 'kept' } });
    const stored = await store.openChat(owner, id);
    expect(stored?.messages.map(({ content, state }) => [content, state])).toEqual([
      ['kept', 'complete'],
      ['', 'running'],
    ]);
    expect(stored?.runs.map((run) => run.id)).toEqual(runs.map((run) => run.id));
    await chats.stop(owner, runs[0]!.id);
  });

  test('stop keeps the text and ends the run on disk', async () => {
    const { chats, chat } = behaving({ tokensPerSecond: 100 });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, { input: { kind: 'message', content: '/long 5000' } });
    const run = runs[0]!;
    const seen = await readUntil(opened, run, (text) => text.length > 30);
    await chats.stop(owner, run.id);
    const { messages } = await chats.open(owner, id);
    expect(messages[1]?.state).toBe('stopped');
    expect(messages[1]?.content.startsWith(seen)).toBe(true);
    expect(await chats.getRun(owner, run.id)).toMatchObject({ phase: 'ended', endReason: 'aborted' });
    await chats.stop(owner, run.id);
  });

  test('watchers join anywhere and get the same text', async () => {
    const { chats, chat } = behaving({ tokensPerSecond: 400 });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, { input: { kind: 'message', content: '/long 120' } });
    const run = runs[0]!;
    const first = watchToEnd(chats, owner, run);
    let seen = '';
    for (let round = 0; round < 6; round++)
      seen = await readUntil(opened, run, ({ length }) => length > round * 90, { text: seen });
    const [{ text }, late] = await Promise.all([first, watchToEnd(chats, owner, run, { text: seen })]);
    expect(late.text).toBe(text);
    expect((await chats.open(owner, id)).messages[1]?.content).toBe(text);
  });

  test('a durable mark never runs ahead of the text, and parts and marks come at their pace', async () => {
    const { chats, chat } = behaving({ tokensPerSecond: 100 });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, { input: { kind: 'message', content: '/long 200' } });
    let length = 0;
    const parts: number[] = [];
    const marks: number[] = [];
    for await (const event of chats.watch(owner, runs[0]!.id, {
      from: 0,
      signal: AbortSignal.timeout(20_000),
    })) {
      if (event.type === 'text') {
        expect(event.offset).toBe(length);
        length += event.text.length;
        parts.push(performance.now());
      }
      if (event.type === 'durable') {
        expect(event.offset).toBeLessThanOrEqual(length);
        marks.push(performance.now());
      }
    }
    expect(marks.length).toBeGreaterThan(3);
    expect(usualGap(marks)).toBeLessThan(600);
    expect(usualGap(parts)).toBeGreaterThan(25);
    expect(usualGap(parts)).toBeLessThan(150);
  });

  test('an engine that crashes once costs nothing that was shown', async () => {
    let crashes = 0;
    const { chats, chat } = behaving({
      tokensPerSecond: 300,
      mishap: () => (crashes++ === 0 ? { kind: 'crash', afterTokens: 20 } : null),
    });
    const { id } = await chat({ sampling: { seed: 5 } });
    const { runs } = await chats.run(owner, id, { input: { kind: 'message', content: '/long 60' } });
    const { text, end, events } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'stop', resumed: true });
    const starts = events.filter((event) => event.type === 'start');
    expect(starts.map((event) => event.epoch)).toEqual([1, 2]);
    let shown = '';
    for (const event of events)
      if (event.type === 'text') {
        expect(event.offset).toBe(shown.length);
        shown += event.text;
      }
    expect(shown).toBe(text);
    const { messages } = await chats.open(owner, id);
    expect(messages[1]).toMatchObject({ content: text, state: 'complete', outcome: { resumed: true } });
    const [receipt] = await chats.receipts(owner, messages[1]!.id);
    expect(receipt?.resumedAt).toHaveLength(1);
    expect(await chats.prompt(owner, runs[0]!.id)).toMatchObject({ matches: true });
  });

  test('what went on after a crash is replayed from there, at the same places and to the same end', async () => {
    const requests: GenerateRequest[] = [];
    const { chats, chat } = behaving({
      tokensPerSecond: 300,
      mishap: (request) => (requests.push(request) === 1 ? { kind: 'crash', afterTokens: 20 } : null),
    });
    const { id } = await chat({ sampling: { seed: 5, maxNewTokens: 40 } });
    const { runs } = await chats.run(owner, id, { input: { kind: 'message', content: '/long 60' } });
    const { text, end } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'length', resumed: true });
    const replay = await chats.replay(owner, runs[0]!.id, AbortSignal.timeout(5000));
    expect(replay).toMatchObject({ identical: true, firstDifference: null, changed: ['resumed'] });
    expect(text.endsWith(replay.text)).toBe(true);
    const [, resumed, replayed] = requests;
    expect(resumed!.drawnTokens).toBeGreaterThan(0);
    expect(replayed!.drawnTokens).toBe(resumed!.drawnTokens);
    expect(replayed!.sampling).toEqual(resumed!.sampling);
  });

  test('a run that kills the engine twice is given up, its text kept', async () => {
    const { chats, chat } = behaving({
      tokensPerSecond: 300,
      mishap: () => ({ kind: 'crash', afterTokens: 10 }),
    });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, { input: { kind: 'message', content: '/long 60' } });
    const { text, end } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'interrupted', error: { code: 'engine-crashed' } });
    const { messages } = await chats.open(owner, id);
    expect(messages[1]).toMatchObject({ content: text, state: 'failed' });
    expect(text.length).toBeGreaterThan(0);
  });

  test('the innocent go on when a neighbour kills the engine again and again', async () => {
    const { chats, chat } = behaving({
      tokensPerSecond: 200,
      mishap: (_request, question) =>
        question.includes('poison') ? { kind: 'crash', afterTokens: 5 } : null,
    });
    const innocent = await chat();
    const guilty = await chat();
    const good = await chats.run(owner, innocent.id, { input: { kind: 'message', content: '/long 100' } });
    const bad = await chats.run(owner, guilty.id, { input: { kind: 'message', content: 'poison' } });
    const [goodEnd, badEnd] = await Promise.all([
      watchToEnd(chats, owner, good.runs[0]!),
      watchToEnd(chats, owner, bad.runs[0]!),
    ]);
    expect(badEnd.end).toMatchObject({ reason: 'interrupted' });

    expect(goodEnd.end).toMatchObject({ reason: 'stop', resumed: true });
  });

  test('a server that stops in the middle goes on at its next start', async () => {
    const first = await openChats({ script: { tokensPerSecond: 100 } });
    const { id } = await first.chat({ sampling: { seed: 9 } });
    const { runs } = await first.chats.run(first.owner, id, {
      input: { kind: 'message', content: '/long 40' },
    });
    const run = runs[0]!;
    const shown = await readUntil(first, run, (text) => text.length > 40);
    await first.close();
    const second = await openChats({ home: first.home, script: { tokensPerSecond: 2000 } });
    expect(await second.chats.start()).toEqual({ resumedRuns: 1 });
    const { text, end } = await watchToEnd(second.chats, owner, run, { text: shown, epoch: 1 });
    expect(text.startsWith(shown)).toBe(true);
    const { messages } = await second.chats.open(second.owner, id);
    expect(messages[1]).toMatchObject({ content: text, state: 'complete', outcome: { resumed: true } });
    expect(end).toMatchObject({ reason: 'stop', epoch: 2 });
    await second.remove();
  });

  test('the same idempotency key answers once', async () => {
    const { chats, chat } = opened;
    const { id } = await chat();
    const request = { input: { kind: 'message' as const, content: 'once' } };
    const first = await chats.run(owner, id, request, { idempotencyKey: 'key-1' });
    const again = await chats.run(owner, id, request, { idempotencyKey: 'key-1' });
    expect(again.runs.map((run) => run.id)).toEqual(first.runs.map((run) => run.id));
    expect(again.repeated).toBe(true);
    await watchToEnd(chats, owner, first.runs[0]!);
    expect((await chats.open(owner, id)).messages).toHaveLength(2);
    const other = { input: { kind: 'message' as const, content: 'other' } };
    await expect(chats.run(owner, id, other, { idempotencyKey: 'key-1' })).rejects.toMatchObject({
      code: 'idempotency-mismatch',
    });
  });

  test('several runs in several chats at once', async () => {
    const { chats, chat } = behaving({ tokensPerSecond: 500, slots: 8 });
    const ids = await Promise.all(Array.from({ length: 8 }, async () => (await chat()).id));
    const answers = await Promise.all(
      ids.map(async (id, index) => {
        const { runs } = await chats.run(owner, id, {
          input: { kind: 'message', content: `number ${index}` },
        });
        return watchToEnd(chats, owner, runs[0]!);
      }),
    );
    expect(answers.map(({ text }, index) => text.includes(`number ${index}"`))).toEqual(ids.map(() => true));
  });
});

describe('bad input', () => {
  test('a lone surrogate, an empty message and one far too long are refused with a reason', async () => {
    const { chats, chat } = opened;
    const { id } = await chat();
    const send = (content: string) => chats.run(owner, id, { input: { kind: 'message', content } });
    await expect(send('half \ud83d')).rejects.toMatchObject({ code: 'bad-request' });
    await expect(send('')).rejects.toMatchObject({ code: 'bad-request' });
    await expect(send('x'.repeat(10_000_000))).rejects.toMatchObject({ code: 'value-out-of-range' });
    expect((await chats.open(owner, id)).messages).toEqual([]);
  });

  test('foreign ids are as unknown as ids that never were', async () => {
    const { chats, chat, say } = opened;
    const { id } = await chat();
    const { run } = await say(id, 'mine');
    const unknown = { code: 'not-found' };
    await expect(chats.open('stranger', id)).rejects.toMatchObject(unknown);
    await expect(chats.getRun('stranger', run.id)).rejects.toMatchObject(unknown);
    await expect(chats.stop('stranger', run.id)).rejects.toMatchObject(unknown);
    await expect(chats.receipt('stranger', run.id)).rejects.toMatchObject(unknown);
    await expect(chats.trash('stranger', id)).rejects.toMatchObject(unknown);
    await expect(
      chats.run('stranger', id, { input: { kind: 'message', content: 'theirs' } }),
    ).rejects.toMatchObject(unknown);
    const watching = chats.watch('stranger', run.id, { from: 0, signal: AbortSignal.timeout(1000) });
    await expect(watching[Symbol.asyncIterator]().next()).rejects.toMatchObject(unknown);
    expect((await chats.open(owner, id)).messages).toHaveLength(2);
  });

  test('a message that cannot fit ends the run with the counts', async () => {
    const { chats, chat } = opened;
    const { id } = await chat({ contextTokens: 256 });
    const { runs } = await chats.run(owner, id, {
      input: { kind: 'message', content: 'word '.repeat(2000) },
    });
    const { end } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'context-too-long' } });
    expect(end.error?.details).toMatchObject({ contextTokens: 256 });
    expect((await chats.open(owner, id)).messages[0]?.content).toHaveLength(10_000);
  });
});
