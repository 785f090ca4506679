import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type RunningServer } from '../../test/fixtures/running-server.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.close());

async function newChat(): Promise<string> {
  const { status, body } = await running.call('POST', '/api/chats', {});
  expect(status).toBe(201);
  return String(body['id']);
}

test('a message is accepted with 202 and its answer streams by offset', async () => {
  const id = await newChat();
  const started = await running.call('POST', `/api/chats/${id}/runs`, {
    input: { kind: 'message', content: 'Hello, herd' },
  });
  expect(started.status).toBe(202);
  const runId = String(started.body['runId']);
  expect(started.headers.get('location')).toBe(`/api/runs/${runId}`);
  const events = await running.call('GET', `/api/runs/${runId}/events`);
  expect(events.headers.get('content-type')).toContain('text/event-stream');
  const types = [...events.text.matchAll(/^event: (.+)$/gm)].map((match) => match[1]);
  expect(types[0]).toBe('start');
  expect(types.at(-1)).toBe('end');
  const opened = await running.call('GET', `/api/chats/${id}`);
  expect(JSON.stringify(opened.body)).toContain('You said');
  const rest = await running.call('GET', `/api/runs/${runId}/events?from=5`);
  expect(rest.text).toContain('"offset":5');
});
