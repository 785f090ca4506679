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

test('showing another branch, or erasing, of a chat as it was before a change is a conflict', async () => {
  const running = await startServer();
  const { body: chat } = await running.call('POST', '/api/chats', {});
  const path = `/api/chats/${String(chat['id'])}`;
  const said = await running.call('POST', `${path}/runs`, { input: { kind: 'message', content: 'hello' } });
  await running.call('GET', `/api/runs/${String(said.body['runId'])}/events`);
  await running.call('PATCH', path, { title: 'Renamed' });
  const stale = { 'if-match': '"1"' };
  const activeLeafId = said.body['messageId'];
  expect(await running.call('PATCH', path, { activeLeafId }, stale)).toMatchObject({ status: 409 });
  expect(await running.call('DELETE', `${path}?erase=1`, undefined, stale)).toMatchObject({ status: 409 });
  expect(await running.call('PATCH', path, { activeLeafId }, { 'if-match': '"2"' })).toMatchObject({
    status: 200,
  });
  await running.call('DELETE', `${path}?erase=1`, undefined, { 'if-match': '"2"' });
  expect(await running.call('GET', path)).toMatchObject({ status: 404 });
  await running.close();
});

test('a change of which a part is refused is not made', async () => {
  const running = await startServer();
  const { body: chat } = await running.call('POST', '/api/chats', { title: 'Before' });
  const path = `/api/chats/${String(chat['id'])}`;
  const change = { title: 'After', activeLeafId: '01900000-0000-7000-8000-000000000000' };
  expect(await running.call('PATCH', path, change)).toMatchObject({ status: 404 });
  expect((await running.call('GET', path)).body).toMatchObject({ chat: { title: 'Before', version: 1 } });
  await running.close();
});
