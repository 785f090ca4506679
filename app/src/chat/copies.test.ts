import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChats, type OpenedChats } from '../../test/fixtures/open-chats.ts';
import { startServer } from '../../test/fixtures/running-server.ts';

let opened: OpenedChats;
const owner = 'owner';

beforeAll(async () => {
  opened = await openChats();
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
