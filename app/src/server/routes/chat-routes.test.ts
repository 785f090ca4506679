import { expect, test } from 'vitest';
import { startServer } from '../../../test/fixtures/running-server.ts';

test('clearing a chat as it was before a change is a conflict and leaves its messages', async () => {
  const running = await startServer();
  const { body: chat } = await running.call('POST', '/api/chats', {});
  const path = `/api/chats/${String(chat['id'])}`;
  const said = await running.call('POST', `${path}/runs`, { input: { kind: 'message', content: 'hello' } });
  await running.call('GET', `/api/runs/${String(said.body['runId'])}/events`);
  const { body: changed } = await running.call('PATCH', path, { title: 'Renamed' });
  const clear = (version: unknown): Promise<{ status: number }> =>
    running.call('POST', `${path}/clear`, undefined, { 'if-match': `"${String(version)}"` });
  expect(await clear(chat['version'])).toMatchObject({ status: 409 });
  expect((await running.call('GET', path)).body['messages']).toHaveLength(2);
  expect(await clear(changed['version'])).toMatchObject({ status: 200, body: { messageCount: 2 } });
  await running.close();
});
