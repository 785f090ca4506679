import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChats, type OpenedChats } from '../../test/fixtures/open-chats.ts';
import { startServer } from '../../test/fixtures/running-server.ts';

let opened: OpenedChats;
const owner = 'owner';

beforeAll(async () => {
  opened = await openChats({ config: { feedback: true } });
});
afterAll(() => opened.remove());

test('a copy holds the tree, or one branch of it', async () => {
  const { chats, chat, say } = opened;
  const { id } = await chat();
  await say(id, 'one');
  await say(id, 'two');
  const { messages } = await chats.open(owner, id);
  const whole = await chats.duplicate(owner, id);
  expect((await chats.open(owner, whole.id)).messages.map((message) => message.content)).toEqual(
    messages.map((message) => message.content),
  );
  const branch = await chats.duplicate(owner, id, { upToMessageId: messages[1]!.id });
  expect((await chats.open(owner, branch.id)).messages).toHaveLength(2);
});

test.each([false, true])('a copy says how answers ended and were rated; temporary: %s', async (temporary) => {
  const { chats, say } = opened;
  const { id } = await chats.create(owner, { temporary });
  await say(id, 'one');
  await say(id, '/fail 3 unsupported-field');
  const rated = (await chats.open(owner, id)).messages[1]!;
  const feedback = { rating: 'down', reason: 'too short' } as const;
  await chats.updateMessage(owner, id, { messageId: rated.id, change: { feedback } });
  const { messages } = await chats.open(owner, id);
  expect(messages[3]!.outcome?.error).toMatchObject({ message: 'The script says that this answer fails.' });
  const said = messages.map(({ state, feedback: rating, outcome }) => ({ state, feedback: rating, outcome }));
  for (const options of [{}, { upToMessageId: messages[3]!.id }]) {
    const copy = await chats.duplicate(owner, id, options);
    expect((await chats.open(owner, copy.id)).messages).toMatchObject(said);
  }
});

test('a copy of a chat with the longest title has a title that is not too long, and is listed', async () => {
  const running = await startServer();
  for (const title of ['x'.repeat(300), `${'x'.repeat(292)}🐂🐂🐂🐂`, 'x'.repeat(293)]) {
    const { body } = await running.call('POST', '/api/chats', { title });
    const copied = await running.call('POST', `/api/chats/${String(body['id'])}/duplicate`, {});
    expect(copied.status).toBeLessThan(300);
    const named = String(copied.body['title']);
    expect(named.isWellFormed() && named.endsWith(' (copy)') && named.length > 290, named).toBe(true);
  }
  const { status, body } = await running.call('GET', '/api/chats');
  expect([status, (body['chats'] as unknown[] | undefined)?.length]).toEqual([200, 6]);
  await running.close();
});
