import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChats, watchToEnd, type OpenedChats } from '../../../test/fixtures/open-chats.ts';
import type { ExportFormat } from '../../contracts/api/transfer.ts';
import type { OpenedChat } from '../chats.ts';
import { branchTo } from '../../lib/message-tree.ts';

let opened: OpenedChats;
let serial = 0;
beforeAll(async () => {
  opened = await openChats();
});
afterAll(() => opened.remove());

interface OwnFile {
  exportedAt: string;
  chats: { chat: object; messages: object[]; receipts: object[] }[];
}

const idPattern = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g;
const ids = (text: string): string[] => text.match(idPattern) ?? [];
const shared = (some: string[], others: string[]): string[] => some.filter((id) => others.includes(id));

/** Each id by the place where it first appears; without the time of the export and what counts the writes of a server. */
function withoutIds({ chats }: OwnFile): unknown {
  const places = new Map<string, string>();
  const text = JSON.stringify(chats).replace(idPattern, (id) => {
    places.set(id, places.get(id) ?? `id ${places.size}`);
    return places.get(id) ?? '';
  });
  return JSON.parse(text, (key, value: unknown) => (key === 'version' ? undefined : value));
}

/** An owner of its own for each test. */
const person = (): string => `person-${++serial}`;

async function written(
  owner: string,
  request: { format: ExportFormat; chatId?: string; messageId?: string },
): Promise<string> {
  const file = await opened.chats.export(owner, request);
  let text = '';
  for await (const chunk of file.chunks) text += chunk;
  return text;
}

function shown({ chat, messages }: OpenedChat): [string, string][] {
  return branchTo(messages, chat.activeLeafId).map(({ role, content }) => [role, content]);
}

async function allChats(owner: string): Promise<OpenedChat[]> {
  const { items } = await opened.chats.list(owner, { limit: 100 });
  return Promise.all(items.map((chat) => opened.chats.open(owner, chat.id)));
}

describe('chat_history.json', () => {
  test('lists of messages by session, the system message as system prompt', async () => {
    const owner = person();
    const file = {
      'session-1': [
        { role: 'system', content: 'You are terse.' },
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Yes.' },
      ],
      'session-2': [{ role: 'user', content: 'Left\nalone 🐂' }],
    };
    expect(await opened.chats.import(owner, JSON.stringify(file))).toMatchObject({
      format: 'chat_history',
      chats: 2,
      messages: 3,
      skipped: [],
    });
    const chats = await allChats(owner);
    const first = chats.find(({ chat }) => chat.title === 'session-1')!;
    expect(first.chat.settings.systemPrompt).toBe('You are terse.');
    expect(shown(first)).toEqual([
      ['user', 'Hi'],
      ['assistant', 'Yes.'],
    ]);
    const back = JSON.parse(await written(owner, { format: 'chat_history' })) as Record<string, unknown[]>;
    expect(
      Object.values(back)
        .map((messages) => messages.length)
        .sort(),
    ).toEqual([1, 3]);
    expect(back[first.chat.id]).toEqual(file['session-1']);
  });

  test('pairs, by session and alone', async () => {
    const owner = person();
    const pairs = [
      ['Hello', 'Hi there'],
      ['More?', null],
    ];
    expect(await opened.chats.import(owner, { kept: pairs })).toMatchObject({
      format: 'chat_history_pairs',
      messages: 3,
    });
    expect(await opened.chats.import(owner, [['Alone', 'Yes']])).toMatchObject({ chats: 1, messages: 2 });
    const kept = (await allChats(owner)).find(({ chat }) => chat.title === 'kept')!;
    expect(shown(kept)).toEqual([
      ['user', 'Hello'],
      ['assistant', 'Hi there'],
      ['user', 'More?'],
    ]);
  });

  test('a session that is none is named, the others are taken', async () => {
    const result = await opened.chats.import(person(), { good: [['a', 'b']], bad: 7 });
    expect(result).toMatchObject({ chats: 1, skipped: [{ index: 1 }] });
    expect(result.skipped[0]?.reason).toContain('bad');
  });
});

describe("ChatGPT's export", () => {
  /** `place` is the id, the parent and the children; `more` what else the message has. */
  const node = (place: string, role: string | null, text: string, more: object = {}): object => {
    const [id, parent, ...children] = place.split(' ');
    const content = { content_type: 'text', parts: [text] };
    const message =
      role === null ? null : { author: { role }, create_time: 1_700_000_000.5, content, ...more };
    return { id, parent: parent === '-' ? null : parent, children, message };
  };
  const conversation = {
    title: 'Trip',
    create_time: 1_700_000_000,
    update_time: 1_700_000_100,
    current_node: 'a2',
    mapping: {
      root: node('root - sys', null, ''),
      sys: node('sys root u1', 'system', ''),
      u1: node('u1 sys a1 tool', 'user', 'Where to?'),
      a1: node('a1 u1', 'assistant', 'North.'),
      tool: node('tool u1 a2', 'tool', 'searched'),
      a2: node('a2 tool', 'assistant', 'South.'),
    },
  };

  test('keeps the tree and the shown branch; tools and empty nodes are passed through', async () => {
    const owner = person();
    expect(await opened.chats.import(owner, [conversation])).toMatchObject({
      format: 'chatgpt',
      chats: 1,
      messages: 3,
    });
    const [chat] = await allChats(owner);
    expect(chat!.chat).toMatchObject({
      title: 'Trip',
      createdAt: 1_700_000_000_000,
      updatedAt: 1_700_000_100_000,
    });
    expect(shown(chat!)).toEqual([
      ['user', 'Where to?'],
      ['assistant', 'South.'],
    ]);
    expect(chat!.messages.filter((message) => message.role === 'assistant')).toHaveLength(2);
  });

  test('what was said aloud is text, and only a recording without it is an attachment', async () => {
    const owner = person();
    const parts = (...list: unknown[]): object => ({
      content: { content_type: 'multimodal_text', parts: list },
    });
    const said = (text: string, direction: string): object => ({
      content_type: 'audio_transcription',
      text,
      direction,
      decoding_id: null,
    });
    const recording = {
      content_type: 'audio_asset_pointer',
      asset_pointer: 'sediment://file_1',
      format: 'wav',
    };
    const video = {
      content_type: 'real_time_user_audio_video_asset_pointer',
      frames_asset_pointers: [],
      audio_asset_pointer: recording,
    };
    const picture = { content_type: 'image_asset_pointer', asset_pointer: 'sediment://file_2' };
    const mapping = {
      u1: node('u1 - a1', 'user', '', parts(said('Where to?', 'in'), video)),
      a1: node('a1 u1 u2', 'assistant', '', parts(recording, said('North.', 'out'))),
      u2: node('u2 a1 a2', 'user', '', parts(picture, said('And this?', 'in'), recording)),
      a2: node('a2 u2', 'assistant', '', parts(recording, { content_type: 'audio_transcription' }, null)),
    };
    await opened.chats.import(owner, [{ title: 'Aloud', current_node: 'a2', mapping }]);
    const attachment = '[an attachment that was not imported]';
    expect(shown((await allChats(owner))[0]!)).toEqual([
      ['user', 'Where to?'],
      ['assistant', 'North.'],
      ['user', `${attachment}\nAnd this?`],
      ['assistant', `${attachment}\n${attachment}\n${attachment}`],
    ]);
  });

  test('a call of a tool is no answer; what comes after it hangs one higher', async () => {
    const owner = person();
    const call = { recipient: 'web.run', content: { content_type: 'code', text: '{"search_query":[]}' } };
    const mapping = {
      u1: node('u1 - call', 'user', 'Where to?', { recipient: 'all' }),
      call: node('call u1 found', 'assistant', '', call),
      found: node('found call paint', 'tool', 'found', { recipient: 'assistant' }),
      paint: node('paint found a1', 'assistant', 'a map', { recipient: 'dalle.text2im' }),
      a1: node('a1 paint u2', 'assistant', 'North.', { recipient: 'all' }),
      u2: node('u2 a1 a2', 'user', 'As code?', { recipient: null }),
      a2: node('a2 u2', 'assistant', '', { ...call, recipient: 'all' }),
    };
    const file = [{ title: 'Searched', current_node: 'a2', mapping }];
    expect(await opened.chats.import(owner, file)).toMatchObject({ chats: 1, messages: 4 });
    expect(shown((await allChats(owner))[0]!)).toEqual([
      ['user', 'Where to?'],
      ['assistant', 'North.'],
      ['user', 'As code?'],
      ['assistant', '```\n{"search_query":[]}\n```'],
    ]);
  });

  test("an answer's marks are replaced by the words they are shown as; what people wrote stays", async () => {
    const owner = person();
    const mark = (...fields: string[]): string => `\uE200${fields.join('\uE202')}\uE201`;
    const cite = mark('cite', 'turn0search0', 'turn0news3');
    const answer = [
      `North${cite}, or ${mark('entity', '["city","Oslo","capital"]')}.${mark('filecite', 'turn0file0')}`,
      `${mark('entity', '["city"')}${mark('entity', '{"city":"Oslo"}')}${mark('map')}`,
      `${mark('url', 'Maps', 'https://maps.example/a')} ${mark('url', 'Trains', 'turn0search1')}`,
      '\uE200 and \uE201 are icons in some fonts.',
    ].join('\n');
    const mapping = {
      u1: node('u1 - a1', 'user', `Why ${cite}?`),
      a1: node('a1 u1', 'assistant', answer),
    };
    await opened.chats.import(owner, [{ title: 'Cited', current_node: 'a1', mapping }]);
    expect(shown((await allChats(owner))[0]!)).toEqual([
      ['user', `Why ${cite}?`],
      [
        'assistant',
        'North, or Oslo.\n\n[Maps](https://maps.example/a) Trains\n\uE200 and \uE201 are icons in some fonts.',
      ],
    ]);
  });

  test('the same file a second time adds nothing', async () => {
    const owner = person();
    await opened.chats.import(owner, [conversation]);
    expect(await opened.chats.import(owner, [conversation])).toMatchObject({
      chats: 0,
      messages: 0,
      passedOver: 1,
    });
  });
});

describe('exports of others', () => {
  test('Open WebUI: the tree, the shown branch, seconds as times', async () => {
    const owner = person();
    const messages = {
      u1: {
        id: 'u1',
        parentId: null,
        childrenIds: ['a1', 'a2'],
        role: 'user',
        content: 'Hi',
        timestamp: 1_700_000_000,
      },
      a2: { id: 'a2', parentId: 'u1', role: 'assistant', content: 'Second', model: 'llama3' },
      a1: { id: 'a1', parentId: 'u1', role: 'assistant', content: 'First', model: 'llama3' },
    };
    const chat = { title: 'Inner', system: 'Be brief.', history: { currentId: 'a1', messages } };
    const file = [
      {
        id: 'x',
        title: 'Outer',
        chat,
        created_at: 1_700_000_000,
        updated_at: 1_700_000_100,
        pinned: true,
        meta: { tags: ['b', ' a '] },
      },
    ];
    expect(await opened.chats.import(owner, file)).toMatchObject({
      format: 'open_webui',
      chats: 1,
      messages: 3,
    });
    const [taken] = await allChats(owner);
    expect(taken!.chat).toMatchObject({
      title: 'Outer',
      pinned: true,
      tags: ['a', 'b'],
      createdAt: 1_700_000_000_000,
    });
    expect(taken!.chat.settings.systemPrompt).toBe('Be brief.');
    expect(shown(taken!)).toEqual([
      ['user', 'Hi'],
      ['assistant', 'First'],
    ]);
  });

  test("Open WebUI: a chat's own system prompt counts before the account's; an empty one is none", async () => {
    const owner = person();
    const file = Object.entries({
      own: { system: 'Of the account.', params: { system: 'Of the chat.', temperature: 0.2 } },
      alone: { params: { system: 'Of the chat.' } },
      account: { system: 'Of the account.', params: {} },
      emptied: { system: 'Of the account.', params: { system: '' } },
      unreadable: { system: 'Of the account.', params: ['?'] },
    }).map(([title, prompts]) => {
      const messages = { u1: { parentId: null, role: 'user', content: 'Hi' } };
      return { title, chat: { ...prompts, history: { currentId: 'u1', messages } } };
    });
    expect(await opened.chats.import(owner, file)).toMatchObject({ chats: 5, skipped: [] });
    const prompts = (await allChats(owner)).map(({ chat }) => [chat.title, chat.settings.systemPrompt]);
    expect(Object.fromEntries(prompts)).toEqual({
      own: 'Of the chat.',
      alone: 'Of the chat.',
      account: 'Of the account.',
      emptied: undefined,
      unreadable: 'Of the account.',
    });
  });

  test("Gradio's messages, whose contents may be parts", async () => {
    const owner = person();
    const file = [
      {
        role: 'user',
        metadata: null,
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'file', file: {} },
        ],
        options: null,
      },
      { role: 'assistant', metadata: null, content: 'Yes?', options: null },
    ];
    expect(await opened.chats.import(owner, file)).toMatchObject({ format: 'chat_history', messages: 2 });
    expect(shown((await allChats(owner))[0]!)).toEqual([
      ['user', 'Hi'],
      ['assistant', 'Yes?'],
    ]);
  });
});

describe('our own JSON', () => {
  test('goes out and comes back with every branch', async () => {
    const { chats, owner, chat, say } = opened;
    const { id } = await chat({ sampling: { temperature: 0 } });
    await say(id, 'kept');
    await chats.update(owner, id, { change: { tags: ['old', 'dear'] } });
    const before = await chats.open(owner, id);
    const { runs } = await chats.run(owner, id, {
      input: { kind: 'regenerate', messageId: before.messages[1]!.id },
    });
    await watchToEnd(chats, owner, runs[0]!);
    const exported = await written(owner, { format: 'json', chatId: id });
    expect(JSON.parse(exported)).toMatchObject({ format: 'corral', chats: [{ receipts: [{}, {}] }] });
    const other = person();
    expect(await chats.import(other, exported)).toMatchObject({ format: 'corral', chats: 1, messages: 3 });
    const [copy] = await allChats(other);
    expect(copy!.chat).toMatchObject({ settings: { sampling: { temperature: 0 } }, tags: ['dear', 'old'] });
    expect(shown(copy!)).toEqual(shown(await chats.open(owner, id)));
  });

  test('an export that is imported exports the same but for ids: receipts, outcomes and ends come along', async () => {
    const { chats, owner, chat, say } = opened;
    const { id } = await chat({ sampling: { temperature: 0, seed: 7 }, format: 'chatml' });
    await say(id, 'first');
    await say(id, 'second');
    await say(id, '/fail 3 engine-hung');
    const exported = await written(owner, { format: 'json', chatId: id });
    const file = JSON.parse(exported) as OwnFile;
    expect(file.chats[0]?.receipts).toHaveLength(3);
    const other = person();
    expect(await chats.import(other, exported)).toMatchObject({ chats: 1, skipped: [] });
    const again = await written(other, { format: 'json' });
    expect(withoutIds(JSON.parse(again) as OwnFile)).toEqual(withoutIds(file));
    expect(shared(ids(exported), ids(again))).toEqual([]);

    const [copy] = await allChats(other);
    const answer = copy!.messages[1]!;
    const receipt = await chats.receipt(other, answer.runId!);
    expect(receipt).toMatchObject({
      chatId: copy!.chat.id,
      messageId: answer.id,
      format: 'chatml',
      sampling: { seed: 7 },
    });
    expect(await chats.getRun(other, answer.runId!)).toMatchObject({ phase: 'ended', endReason: 'stop' });
    expect(await chats.replay(other, answer.runId!, AbortSignal.timeout(5_000))).toMatchObject({
      identical: true,
    });
    // The same file is known again wherever it comes from.
    expect(await chats.import(other, again)).toMatchObject({ chats: 0, passedOver: 1 });
  });

  test('a receipt that cannot be read is named and costs no chat', async () => {
    const { owner, chat, say } = opened;
    const { id } = await chat();
    await say(id, 'with a receipt');
    const file = JSON.parse(await written(owner, { format: 'json', chatId: id })) as OwnFile;
    const [entry] = file.chats;
    const [receipt] = entry!.receipts;
    entry!.receipts = [
      { ...receipt, sampling: 'warm' },
      { ...receipt, messageId: uuidv7() },
      { ...receipt, endOffset: 3_000_000_000 },
      { ...receipt, startOffset: -1 },
      { ...receipt, createdAt: 9e15 },
      receipt!,
      receipt!,
    ];
    const other = person();
    const result = await opened.chats.import(other, file);
    expect(result).toMatchObject({ chats: 1, skipped: Array.from({ length: 5 }, () => ({ index: 0 })) });
    const reasons = result.skipped.map(({ reason }) => reason);
    for (const [index, word] of ['sampling', 'no message', 'endOffset', 'startOffset', 'createdAt'].entries())
      expect(reasons[index]).toContain(word);
    const [copy] = await allChats(other);
    expect(await opened.chats.receipts(other, copy!.messages[1]!.id)).toHaveLength(1);
  });

  test('times that name no moment, and more tags than a chat may have, cost no chat', async () => {
    const other = person();
    const entry = (title: string, chat: object, message: object = {}): object => ({
      chat: { title, ...chat },
      messages: [{ id: uuidv7(), parentId: null, role: 'user', content: title, ...message }],
    });
    const tags = (count: number): string[] => Array.from({ length: count }, (_, at) => `tag ${10_000 + at}`);
    const chats = [
      entry('late', { createdAt: 9e15, updatedAt: 9e15 }, { createdAt: 9e15 }),
      entry('never', { createdAt: -1, updatedAt: 'soon' }),
      entry('known', { createdAt: 1000, updatedAt: 2000, tags: tags(20) }),
      entry('over', { tags: tags(21) }),
      entry('far over', { tags: tags(11_000) }),
    ];
    const result = await opened.chats.import(other, { format: 'corral', version: 1, chats });
    expect(result).toMatchObject({ chats: 5, skipped: [] });
    const taken = new Map((await allChats(other)).map((one) => [one.chat.title, one]));
    for (const { chat, messages } of taken.values())
      for (const time of [chat.createdAt, chat.updatedAt, messages[0]!.createdAt])
        expect(new Date(time).toISOString()).toBeTypeOf('string');
    expect(taken.get('known')?.chat).toMatchObject({ createdAt: 1000, updatedAt: 2000, tags: tags(20) });
    expect([taken.get('over'), taken.get('far over')].map((one) => one?.chat.tags)).toEqual([[], []]);
  });
});

describe('files', () => {
  test('Markdown of a chat and of one answer', async () => {
    const { chats, owner, chat, say } = opened;
    const { id } = await chat();
    const { text, run } = await say(id, 'To paper');
    await chats.update(owner, id, { change: { title: 'Über Kühe / Cows' } });
    const whole = await written(owner, { format: 'markdown', chatId: id });
    expect(whole).toBe(`# Über Kühe / Cows\n\n## You\n\nTo paper\n\n## Assistant (scripted)\n\n${text}\n`);
    expect(await written(owner, { format: 'markdown', chatId: id, messageId: run.messageId })).toBe(
      `${text}\n`,
    );
    const { fileName, mediaType } = await chats.export(owner, { format: 'markdown', chatId: id });
    expect(mediaType).toContain('text/markdown');
    expect(fileName).toBe('Über-Kühe-Cows.md');
    await chats.update(owner, id, { change: { title: '❤️ notes 🏴‍☠️' } });
    expect((await chats.export(owner, { format: 'markdown', chatId: id })).fileName).toBe('notes.md');
    await chats.update(owner, id, { change: { title: 'हिन्दी データ 가'.normalize('NFD') } });
    expect((await chats.export(owner, { format: 'markdown', chatId: id })).fileName).toBe(
      'हिन्दी-データ-가.md',
    );
  });

  test('ShareGPT has one line a chat', async () => {
    const owner = person();
    await opened.chats.import(owner, { one: [['a', 'b']], two: [['c', 'd']] });
    const lines = (await written(owner, { format: 'sharegpt' })).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { conversations: unknown[] }).conversations)).toEqual([
      [
        { from: 'human', value: 'a' },
        { from: 'gpt', value: 'b' },
      ],
      [
        { from: 'human', value: 'c' },
        { from: 'gpt', value: 'd' },
      ],
    ]);
  });
});

describe('bad files', () => {
  test.each([
    ['not json at all'],
    ['"a text"'],
    [42],
    [null],
    [{ a: 1, b: 2 }],
    [[1, 2, 3]],
    ['{"format":"corral","version":99,"chats":[]}'],
  ])('%j is refused with a hint', async (data) => {
    await expect(opened.chats.import(person(), data)).rejects.toMatchObject({ code: 'file-invalid' });
  });

  test('a circle in the tree and a message of 10 MB cost one chat, not the file', async () => {
    const owner = person();
    const circle = {
      title: 'Circle',
      mapping: {
        a: { parent: 'b', children: ['b'], message: null },
        b: { parent: 'a', children: ['a'], message: null },
      },
    };
    const said = (title: string, role: string, text: string): object => ({
      title,
      mapping: {
        a: { parent: null, children: [], message: { author: { role }, content: { parts: [text] } } },
      },
    });
    const large = said('Large', 'user', 'x'.repeat(10_000_000));
    const marked = said('Marked', 'assistant', `\uE200cite\uE202${'x'.repeat(10_000_000)}`);
    const fine = said('Fine', 'user', 'ok');
    const result = await opened.chats.import(owner, [7, fine, circle, large, marked]);
    expect(result).toMatchObject({ chats: 1 });
    expect(result.skipped.map(({ index }) => index)).toEqual([0, 2, 3, 4]);
  });
});
