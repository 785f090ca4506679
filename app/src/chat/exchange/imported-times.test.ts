import { expect, test } from 'vitest';
import { startServer } from '../../../test/fixtures/running-server.ts';

test('a time that no clock can tell is left out, and costs neither its chat nor the others', async () => {
  const running = await startServer();
  const chat = (title: string, at: number): object => ({
    title,
    created_at: at,
    updated_at: at,
    chat: {
      history: { messages: { a: { role: 'user', content: title, timestamp: at } }, currentId: 'a' },
    },
  });
  const nanoseconds = 1_700_000_000_000_000_000;
  const file = [
    chat('in seconds', 1_700_000_000),
    chat('in nanoseconds', nanoseconds),
    chat('endless', 1e300),
  ];
  const imported = await running.call('POST', '/api/import', file);
  expect(imported.body).toMatchObject({ chats: 3, messages: 3, skipped: [] });
  const { status, body } = await running.call('GET', '/api/chats');
  expect(status).toBe(200);
  const listed = body['chats'] as { id: string; title: string; createdAt: number }[];
  expect(listed.find(({ title }) => title === 'in seconds')?.createdAt).toBe(1_700_000_000_000);
  expect(listed.filter(({ createdAt }) => Math.abs(createdAt - Date.now()) < 60_000)).toHaveLength(2);
  for (const { id } of listed) expect((await running.call('GET', `/api/chats/${id}`)).status).toBe(200);
  await running.close();
});
