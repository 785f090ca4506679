import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChats, type OpenedChats } from '../../../test/fixtures/open-chats.ts';
import type { ExportFormat, OpenedChat } from '../chats.ts';
import { branchTo } from '../../lib/message-tree.ts';

let opened: OpenedChats;
let serial = 0;
beforeAll(async () => {
  opened = await openChats();
});
afterAll(() => opened.remove());

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
  /** `place` is the id, the parent and the children. */
  const node = (place: string, role: string | null, text: string): object => {
    const [id, parent, ...children] = place.split(' ');
    const content = { content_type: 'text', parts: [text] };
    const message = role === null ? null : { author: { role }, create_time: 1_700_000_000.5, content };
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
      a2: node('a2 tool', 'assistant', 'South \ud83d.'),
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
      ['assistant', 'South \ufffd.'],
    ]);
    expect(chat!.messages.filter((message) => message.role === 'assistant')).toHaveLength(2);
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
    for await (const _ of chats.watch(owner, runs[0]!.id, { from: 0, signal: AbortSignal.timeout(5000) }));
    const exported = await written(owner, { format: 'json', chatId: id });
    expect(JSON.parse(exported)).toMatchObject({ format: 'corral', chats: [{ receipts: [{}, {}] }] });
    const other = person();
    expect(await chats.import(other, exported)).toMatchObject({ format: 'corral', chats: 1, messages: 3 });
    const [copy] = await allChats(other);
    expect(copy!.chat).toMatchObject({ settings: { sampling: { temperature: 0 } }, tags: ['dear', 'old'] });
    expect(shown(copy!)).toEqual(shown(await chats.open(owner, id)));
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
    expect(fileName).toMatch(/^[\p{L}\p{N}-]+\.md$/u);
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
    const large = {
      title: 'Large',
      mapping: {
        a: {
          parent: null,
          children: [],
          message: { author: { role: 'user' }, content: { parts: ['x'.repeat(10_000_000)] } },
        },
      },
    };
    const fine = {
      title: 'Fine',
      mapping: {
        a: { parent: null, children: [], message: { author: { role: 'user' }, content: { parts: ['ok'] } } },
      },
    };
    const result = await opened.chats.import(owner, [7, fine, circle, large]);
    expect(result).toMatchObject({ chats: 1, skipped: [{ index: 0 }, { index: 2 }, { index: 3 }] });
  });
});
