import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  openChats,
  retention,
  watchToEnd,
  type Answered,
  type OpenedChats,
} from '../../test/fixtures/open-chats.ts';
import type { GenerateRequest } from '../engine/engine.ts';
import type { Script } from '../engine/scripted/script.ts';
import type { ChatNotice, RunRequest } from './chats.ts';

const script: Script = {};
let opened: OpenedChats;
const owner = 'owner';

beforeAll(async () => {
  opened = await openChats({ script, config: { feedback: true, loggingUrl: 'http://sink.example' } });
});
afterAll(() => opened.remove());

async function answer(chatId: string, request: RunRequest): Promise<Answered[]> {
  const { runs } = await opened.chats.run(owner, chatId, request);
  return Promise.all(runs.map((run) => watchToEnd(opened.chats, owner, run)));
}

const logged = async (chatId: string): Promise<Record<string, unknown>[]> => {
  const due = await opened.store.dueOutboxEvents({ now: Number.MAX_SAFE_INTEGER, limit: 1000, except: [] });
  return due
    .filter((event) => event.conversationId === chatId)
    .map((event) => JSON.parse(event.body) as Record<string, unknown>);
};

describe('the tree', () => {
  test('edit, regenerate and branch make siblings; nothing is overwritten', async () => {
    const { chats, chat, say } = opened;
    const { id } = await chat();
    await say(id, 'first');
    const [question, reply] = (await chats.open(owner, id)).messages;
    await answer(id, { input: { kind: 'regenerate', messageId: reply!.id } });
    await answer(id, { input: { kind: 'edit', messageId: question!.id, content: 'first, reworded' } });
    const { messages, chat: after } = await chats.open(owner, id);
    expect(messages).toHaveLength(5);
    expect(messages.filter((message) => message.parentId === question!.id)).toHaveLength(2);
    expect(messages.filter((message) => message.parentId === null)).toHaveLength(2);
    expect(messages.find((message) => message.id === reply!.id)).toEqual(reply);
    const shown = messages.find((message) => message.id === after.activeLeafId);
    expect(shown?.content).toContain('first, reworded');
    const switched = await chats.update(owner, id, { change: { activeLeafId: question!.id } });
    expect(messages.find((message) => message.id === switched.activeLeafId)?.parentId).toBe(question!.id);
  });

  test('continue goes on in the same message, from where it ended', async () => {
    const { chats, chat } = opened;
    const { id } = await chat({ sampling: { maxNewTokens: 12, seed: 3 } });
    const [first] = await answer(id, { input: { kind: 'message', content: '/long 60' } });
    expect(first?.end.reason).toBe('length');
    const messageId = first!.run.messageId;
    const [second] = await answer(id, { input: { kind: 'continue', messageId } });
    expect(second!.run.startOffset).toBe(first!.text.length);
    const { messages } = await chats.open(owner, id);
    expect(messages).toHaveLength(2);
    expect(messages[1]!.content.startsWith(first!.text)).toBe(true);
    expect(messages[1]!.content.length).toBeGreaterThan(first!.text.length);
    const receipts = await chats.receipts(owner, messageId);
    expect(receipts.map(({ startOffset, endOffset }) => [startOffset, endOffset])).toEqual([
      [0, first!.text.length],
      [first!.text.length, messages[1]!.content.length],
    ]);
    expect(await chats.prompt(owner, first!.run.id)).toMatchObject({ matches: true });
    expect(await chats.prompt(owner, second!.run.id)).toMatchObject({ matches: true });
  });

  test('what comes below an answer that is being gone on with waits for its end', async () => {
    const { chats, chat, say } = opened;
    const { id } = await chat({ sampling: { maxNewTokens: 12, seed: 3 } });
    const [first] = await answer(id, { input: { kind: 'message', content: '/long 60 /hang 20' } });
    const last = (await say(id, '/say the end')).run.messageId;
    const question = (await chats.open(owner, id)).messages.find(
      ({ content }) => content === '/say the end',
    )!.id;
    await chats.update(owner, id, { change: { settings: { sampling: { maxNewTokens: 5000 } } } });
    const messageId = first!.run.messageId;
    const { runs } = await chats.run(owner, id, { input: { kind: 'continue', messageId } });
    const early: RunRequest['input'][] = [
      { kind: 'message', content: 'and then' },
      { kind: 'edit', messageId: question, content: '/say another end' },
      { kind: 'answer', messageId: question },
      { kind: 'regenerate', messageId: question },
      { kind: 'regenerate', messageId: last },
      { kind: 'continue', messageId: last },
    ];
    for (const input of early)
      await expect(chats.run(owner, id, { input })).rejects.toMatchObject({ code: 'conflict' });
    // Beside it, and below nothing that is written.
    const beside = await chats.run(owner, id, { input: { kind: 'regenerate', messageId } });
    for (const run of [...runs, ...beside.runs]) {
      await chats.stop(owner, run.id);
      await watchToEnd(chats, owner, run);
    }
    expect((await say(id, '/say then')).end.reason).toBe('stop');
  });

  test.each([false, true])('continue above the end hides nothing; temporary: %s', async (temporary) => {
    const { chats, say } = opened;
    const { id } = await chats.create(owner, { temporary, settings: { sampling: { maxNewTokens: 12 } } });
    const first = await say(id, '/long 60');
    await say(id, 'and something else');
    const before = await chats.open(owner, id);
    await answer(id, { input: { kind: 'continue', messageId: first.run.messageId } });
    const after = await chats.open(owner, id);
    expect(after.chat.activeLeafId).toBe(before.chat.activeLeafId);
    expect(after.messages).toHaveLength(4);
    expect(after.messages[1]!.content.length).toBeGreaterThan(first.text.length);
  });

  test('one message to several targets gives sibling answers with their own settings', async () => {
    const { chats, chat } = opened;
    const { id } = await chat();
    const targets = [
      { model: 'one', sampling: { seed: 1 } },
      { model: 'two', sampling: { seed: 2 } },
    ];
    const answers = await answer(id, { input: { kind: 'message', content: 'compare' }, targets });
    const { messages } = await chats.open(owner, id);
    const siblings = messages.filter((message) => message.role === 'assistant');
    expect(siblings.map((message) => message.model)).toEqual(['one', 'two']);
    expect(new Set(siblings.map((message) => message.parentId)).size).toBe(1);
    expect(answers[0]!.text).not.toBe(answers[1]!.text);
    const [receipt] = await chats.receipts(owner, siblings[1]!.id);
    expect(receipt).toMatchObject({ model: { id: 'two' }, sampling: { seed: 2 } });
  });

  test('a stale write gets a conflict and changes nothing', async () => {
    const { chats, chat, say } = opened;
    const { id, version } = await chat();
    await chats.update(owner, id, { version, change: { title: 'Renamed here' } });
    const stale = chats.update(owner, id, { version, change: { title: 'Renamed there' } });
    await expect(stale).rejects.toMatchObject({ code: 'conflict', details: { version: version + 1 } });
    expect((await chats.open(owner, id)).chat).toMatchObject({ title: 'Renamed here', titleSource: 'hand' });
    await say(id, 'hello');
    const [question] = (await chats.open(owner, id)).messages;
    await chats.updateMessage(owner, id, { messageId: question!.id, version: 1, change: { pinned: true } });
    const edit = { kind: 'edit' as const, messageId: question!.id, content: 'other', version: 1 };
    await expect(chats.run(owner, id, { input: edit })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('delete and clear go to the trash and come back', async () => {
    const { chats, chat, say } = opened;
    const { id } = await chat({ systemPrompt: 'Stay.' });
    await say(id, 'one');
    await say(id, 'two');
    const before = await chats.open(owner, id);
    const entry = await chats.trashMessage(owner, id, { messageId: before.messages[2]!.id });
    expect(entry).toMatchObject({ kind: 'messages', messageCount: 2 });
    expect((await chats.open(owner, id)).messages).toHaveLength(2);
    await chats.restore(owner, entry!.id);
    expect(await chats.open(owner, id)).toMatchObject({ messages: before.messages });
    const cleared = await chats.clear(owner, id);
    const empty = await chats.open(owner, id);
    expect(empty.messages).toEqual([]);
    expect(empty.chat.settings).toEqual({ systemPrompt: 'Stay.' });
    await chats.restore(owner, cleared!.id);
    expect((await chats.open(owner, id)).messages).toHaveLength(4);
    const gone = await chats.trash(owner, id);
    await expect(chats.open(owner, id)).rejects.toMatchObject({ code: 'not-found' });
    await chats.restore(owner, gone!.id);
    expect((await chats.open(owner, id)).messages).toEqual(before.messages);
    expect(await chats.clear(owner, (await chat()).id)).toBeNull();
  });

  test('opened to its end a chat says whether there is more; opened without one it is whole', async () => {
    const { chats, chat, say } = opened;
    const { id } = await chat();
    await say(id, 'one');
    await say(id, 'two');
    const open = async (part?: { last: number }): Promise<[number, boolean]> => {
      const { messages, whole } = await chats.open(owner, id, part);
      return [messages.length, whole];
    };
    expect(await open({ last: 3 })).toEqual([3, false]);
    expect(await open({ last: 4 })).toEqual([4, true]);
    expect(await open()).toEqual([4, true]);
  });

  test('listeners hear what changes', async () => {
    const { chats, chat, say } = opened;
    const notices: ChatNotice[] = [];
    const end = chats.onChange((notice) => notices.push(notice));
    const { id } = await chat();
    await say(id, 'hello');
    await chats.trash(owner, id);
    end();
    const kinds = notices.map((notice) => (notice.type === 'chat-changed' ? notice.change : notice.state));
    expect(kinds).toEqual(['created', 'active', 'messages', 'ended', 'trashed']);
  });
});

describe('settings of the next message', () => {
  test('are inherited from model, preference, chat and message, and say so', async () => {
    const { chats, chat } = opened;
    await chats.saveModelSettings(owner, 'scripted-b', { settings: { sampling: { topK: 7 } } });
    await chats.savePreferences(owner, { settings: { sampling: { temperature: 0.1 } } });
    const { id } = await chat({ model: 'scripted-b', sampling: { maxNewTokens: 9 } });
    const [said] = await answer(id, {
      input: { kind: 'message', content: 'hi' },
      settings: { sampling: { seed: 77 } },
    });
    const [receipt] = await chats.receipts(owner, said!.run.messageId);
    expect(receipt?.sampling).toMatchObject({ topK: 7, temperature: 0.1, maxNewTokens: 9, seed: 77 });
    const explained = await chats.effectiveSettings(owner, { chatId: id });
    const source = (name: string): string | undefined => explained.find((one) => one.name === name)?.source;
    expect(source('sampling.topK')).toBe('model');
    expect(source('sampling.temperature')).toBe('preference');
    expect(source('sampling.maxNewTokens')).toBe('chat');
    expect(source('sampling.topP')).toBe('server');
    await chats.update(owner, id, { change: { settings: { sampling: { temperature: 0.9 } } } });
    const [next] = await answer(id, { input: { kind: 'message', content: 'and now?' } });
    const [later] = await chats.receipts(owner, next!.run.messageId);
    expect(later?.sampling).toMatchObject({ temperature: 0.9, maxNewTokens: 512 });
    await chats.savePreferences(owner, { settings: {} });
  });

  test('presets are kept by name; an older version is a conflict', async () => {
    const { chats } = opened;
    const saved = await chats.savePreset(owner, {
      name: 'Precise',
      settings: { sampling: { temperature: 0 } },
    });
    await chats.savePreset(owner, { ...saved, settings: { sampling: { temperature: 0.1 } } });
    await expect(chats.savePreset(owner, { ...saved })).rejects.toMatchObject({ code: 'conflict' });
    expect(await chats.presets(owner)).toMatchObject([
      { name: 'Precise', settings: { sampling: { temperature: 0.1 } } },
    ]);
    await chats.deletePreset(owner, 'Precise');
    expect(await chats.presets(owner)).toEqual([]);
  });

  test('a value outside of its limits is refused with its name', async () => {
    const wrong = opened.chat({ sampling: { temperature: 9 } });
    await expect(wrong).rejects.toMatchObject({
      code: 'value-out-of-range',
      details: { field: 'sampling.temperature' },
    });
  });
});

describe('the plan', () => {
  test('a draft is counted, and the chat tells what its last answer saw', async () => {
    const { chats, chat, say } = opened;
    const { id } = await chat({ contextTokens: 300, sampling: { maxNewTokens: 40 } });
    for (let index = 0; index < 6; index++) await say(id, `number ${index} ${'word '.repeat(8)}`);
    const { plan, messages } = await chats.open(owner, id);
    expect(plan?.droppedMessageIds.length).toBeGreaterThan(0);
    expect(plan?.droppedMessageIds[0]).toBe(messages[0]?.id);
    expect(messages.at(-1)?.outcome?.droppedMessages).toBe(plan?.droppedMessageIds.length);
    const draft = await chats.plan(owner, id, { content: 'one more' });
    expect(draft.exact).toBe(true);
    expect(draft.tokens).toBeGreaterThan(0);
    expect(draft.plan.promptTokens).toBeLessThanOrEqual(300 - draft.plan.reservedTokens);
    // For what is typed in a new chat no model is loaded.
    const loaded = opened.engines.loaded();
    const larger = chats.plan(owner, null, { content: 'one more', settings: { contextTokens: 16_384 } });
    await expect(larger).rejects.toMatchObject({ code: 'engine-unavailable' });
    expect(opened.engines.loaded()).toEqual(loaded);
    const first = await chats.plan(owner, null, { content: 'one more', settings: { systemPrompt: 'Hm.' } });
    expect(first).toMatchObject({ exact: true, tokens: draft.tokens });
    expect(first.plan.messages.map(({ role }) => role)).toEqual(['system', 'user']);
    await chats.prompt(owner, (await chats.open(owner, id)).messages.at(-1)?.runId ?? '');
    const copies = opened.engines.loaded().filter((model) => model.id === 'scripted');
    expect(copies).toHaveLength(1);
  });
});

describe('receipts', () => {
  test('a replay is identical; where it differs is said', async () => {
    const { chats, chat } = opened;
    const { id } = await chat();
    const [said] = await answer(id, { input: { kind: 'message', content: 'again, please' } });
    const replay = await chats.replay(owner, said!.run.id, AbortSignal.timeout(5000));
    expect(replay).toMatchObject({ identical: true, firstDifference: null, changed: [], text: said!.text });
    script.answer = () => 'Something else entirely.';
    const other = await chats.replay(owner, said!.run.id, AbortSignal.timeout(5000));
    delete script.answer;
    expect(other).toMatchObject({ identical: false, firstDifference: 0, original: said!.text });
    script.answer = () => `${said!.text.slice(0, 5)}#`;
    const parted = await chats.replay(owner, said!.run.id, AbortSignal.timeout(5000));
    delete script.answer;
    expect(parted).toMatchObject({ identical: false, firstDifference: 5 });
  });

  test('what changed since an answer is named by its replay', async () => {
    const { chats, chat } = opened;
    const { id } = await chat();
    const [said] = await answer(id, { input: { kind: 'message', content: 'as it was' } });
    const changed = async (since: Script): Promise<string[]> => {
      Object.assign(script, since);
      const replay = await chats.replay(owner, said!.run.id, AbortSignal.timeout(5000));
      for (const name of Object.keys(since) as (keyof Script)[]) delete script[name];
      expect(replay.identical).toBe(true);
      return replay.changed;
    };
    expect(await changed({})).toEqual([]);
    expect(await changed({ engineRelease: 'of later' })).toEqual(['engine']);
    expect(await changed({ format: 'llama-2' })).toEqual(['template', 'prompt']);
  });

  test('a format chosen for the chat is the one that is named, and replaying with it changes nothing', async () => {
    const { chats, chat } = opened;
    const { id } = await chat({ format: 'llama-2' });
    const [said] = await answer(id, { input: { kind: 'message', content: 'in its form' } });
    const receipt = await chats.receipt(owner, said!.run.id);
    expect(receipt).toMatchObject({ format: 'llama-2', template: { source: 'chosen', name: 'llama-2' } });
    const replay = await chats.replay(owner, said!.run.id, AbortSignal.timeout(5000));
    expect(replay).toMatchObject({ identical: true, changed: [] });
    const other = await answer((await chat()).id, { input: { kind: 'message', content: 'in its own' } });
    const own = await chats.receipt(owner, other[0]!.run.id);
    expect(own.template.hash).not.toBe(receipt.template.hash);
  });

  test('the exact prompt is rendered again and matches its hash', async () => {
    const { chats, chat } = opened;
    const { id } = await chat({ systemPrompt: 'Be brief.' });
    const [said] = await answer(id, { input: { kind: 'message', content: 'what was sent?' } });
    await chats.update(owner, id, { change: { settings: { systemPrompt: 'Changed since.' } } });
    const prompt = await chats.prompt(owner, said!.run.id);
    expect(prompt.matches).toBe(true);
    expect(prompt.text).toContain('Be brief.');
    expect(prompt.text).toContain('what was sent?');
  });
});

describe('the log', () => {
  test('one event an answer, in the shape collectors know', async () => {
    const { chats, chat } = opened;
    const { id } = await chat({ systemPrompt: 'Be kind.', sampling: { temperature: 0.3, seed: 11 } });
    const [said] = await answer(id, { input: { kind: 'message', content: 'log me' } });
    expect((await chats.open(owner, id)).logged).toBe(true);
    const [event] = await logged(id);
    expect(event).toMatchObject({
      conversation_id: id,
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'log me' },
        { role: 'assistant', content: said!.text },
      ],
      parameters: {
        temperature: 0.3,
        top_k: 40,
        top_p: 0.95,
        repetition_penalty: 1,
        max_new_tokens: 512,
        seed: 11,
      },
      model: 'scripted',
      adapters: [],
      message_id: said!.run.messageId,
      finish_reason: 'stop',
      feedback: null,
    });
    expect(new Date(String(event?.['timestamp'])).getTime()).toBeGreaterThan(0);
    const usage = event?.['usage'] as Record<string, number>;
    expect(usage['total_tokens']).toBe((usage['prompt_tokens'] ?? 0) + (usage['completion_tokens'] ?? 0));
  });

  test('an answer outside of any chat makes no event', async () => {
    const { chats, store } = opened;
    const { pending } = await store.outboxStatus();
    const prompt = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'hello' }] };
    const { parts } = await chats.complete(owner, { prompt }, AbortSignal.timeout(5000));
    const said = [];
    for await (const part of parts) if (part.type === 'text-delta') said.push(part.text);
    expect(said.join('')).toContain('hello');
    expect((await store.outboxStatus()).pending).toBe(pending);
  });

  test('a thumb is kept, sent once more and exported', async () => {
    const { chats, chat, store } = opened;
    const { id } = await chat();
    const [said] = await answer(id, { input: { kind: 'message', content: 'rate me' } });
    const feedback = { rating: 'down' as const, reason: 'too short' };
    await chats.updateMessage(owner, id, { messageId: said!.run.messageId, change: { feedback } });
    const [first] = await store
      .dueOutboxEvents({ now: Number.MAX_SAFE_INTEGER, limit: 1000, except: [] })
      .then((due) => due.filter((event) => event.conversationId === id));
    await store.recordDeliveries([{ id: first!.id, outcome: 'delivered', now: 1 }]);
    expect((await logged(id))[0]).toMatchObject({ message_id: said!.run.messageId, feedback });
    const question = (await chats.open(owner, id)).messages[0]!;
    const onQuestion = chats.updateMessage(owner, id, { messageId: question.id, change: { feedback } });
    await expect(onQuestion).rejects.toMatchObject({ code: 'bad-request' });
    const lines = [];
    for await (const chunk of (await chats.export(owner, { format: 'sharegpt', chatId: id })).chunks)
      lines.push(chunk);
    expect(JSON.parse(lines.join(''))).toMatchObject({
      conversations: [{ from: 'human' }, { from: 'gpt', rating: 'down', reason: 'too short' }],
    });
  });
});

describe('retention', () => {
  test('a clock that jumps ahead for less than a day deletes nothing for good', async () => {
    let now = Date.UTC(2026, 0, 1);
    const hour = 60 * 60 * 1000;
    const { chats, store, chat, remove } = await openChats({ clock: { now: () => now } });
    const retain = async (): Promise<void> => {
      now += hour;
      await retention({ chats, store }, now);
    };
    const trashed = async (): Promise<number> => (await chats.listTrash(owner, { limit: 5 })).items.length;
    for (let run = 0; run < 24; run++) await retain();
    const { id } = await chat();
    await chats.trash(owner, id);
    now += 365 * 24 * hour;
    // As each start does, before any work: here of a server that came up with the clock ahead.
    await store.purgeJobs(now - 7 * 24 * hour);
    for (let run = 0; run < 20; run++) await retain();
    now -= 365 * 24 * hour;
    for (let run = 0; run < 30; run++) await retain();
    expect(await trashed()).toBe(1);
    now += 30 * 24 * hour;
    for (let run = 0; run < 25; run++) await retain();
    expect(await trashed()).toBe(0);
    await remove();
  });
});

describe('titles', () => {
  test('the model names a chat once, never over a name given by hand', async () => {
    const { chats, chat, say } = opened;
    const named = await chat();
    const { run } = await say(named.id, 'hello');
    const asked: GenerateRequest[] = [];
    script.answer = (_question, request) => {
      asked.push(request);
      return '"Riders on the hill"';
    };
    const payload = { owner, chatId: named.id, messageId: run.messageId };
    await chats.jobs.title(payload, AbortSignal.timeout(5000));
    expect((await chats.open(owner, named.id)).chat).toMatchObject({
      title: 'Riders on the hill',
      titleSource: 'model',
    });
    // The chat's state stays as it is, and nobody who waits for an answer waits for this.
    expect(asked).toMatchObject([{ ephemeral: true, priority: 'side' }]);
    expect(asked[0]).not.toHaveProperty('stateKey');
    await chats.update(owner, named.id, { change: { title: 'Mine' } });
    await chats.jobs.title(payload, AbortSignal.timeout(5000));
    delete script.answer;
    expect((await chats.open(owner, named.id)).chat.title).toBe('Mine');
  });

  test('a chat with a larger context is named by the model that is loaded for it', async () => {
    const { chats, chat, say, engines } = opened;
    const { id } = await chat({ model: 'scripted-large', contextTokens: 16_384 });
    const { run } = await say(id, 'hello');
    await chats.jobs.title({ owner, chatId: id, messageId: run.messageId }, AbortSignal.timeout(5000));
    expect((await chats.open(owner, id)).chat.titleSource).toBe('model');
    expect(engines.loaded().filter((model) => model.id === 'scripted-large')).toHaveLength(1);
  });

  test('of a model that is too small the person’s own words name it', async () => {
    const { chats, chat, say } = opened;
    const { id } = await chat();
    const { run } = await say(id, 'Where do herds sleep?');
    Object.assign(script, { answer: () => 'The old', parameters: 7_500_000 });
    await chats.jobs.title({ owner, chatId: id, messageId: run.messageId }, AbortSignal.timeout(5000));
    delete script.answer;
    delete script.parameters;
    expect((await chats.open(owner, id)).chat.title).toBe('Where do herds sleep?');
  });
});

describe('erasing', () => {
  test('one chat leaves no byte of its text', async () => {
    const { chats, chat, say, store } = opened;
    const { id } = await chat();
    await say(id, 'unforgettable-zebra');
    expect(await chats.search(owner, { text: 'zebra', limit: 5 })).not.toEqual([]);
    await chats.erase(owner, { chatId: id });
    expect(await chats.search(owner, { text: 'zebra', limit: 5 })).toEqual([]);
    expect(await logged(id)).toEqual([]);
    await expect(store.getChat(owner, id)).resolves.toBeNull();
  });
});
