import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { startServer, type RunningServer } from '../../../test/fixtures/running-server.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.close());

/** Streams look at the clock of the process for what to say in silence: only that jumps. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** What a stream says, piece by piece, until it says nothing more just now. */
async function listen(path: string): Promise<() => Promise<string>> {
  const left = new AbortController();
  onTestFinished(() => left.abort());
  const { body } = await fetch(`${running.address}/gradio_api/${path}`, { signal: left.signal });
  const reader = body!.getReader();
  const decoder = new TextDecoder();
  return async () => decoder.decode((await reader.read()).value, { stream: true });
}

test('the queue tells that it lives by a message: at a comment Python’s client fails', async () => {
  const asked = { data: ['/hang 0'], fn_index: 1, session_hash: 'silent' };
  const { body } = await running.call('POST', '/gradio_api/queue/join', asked);
  const next = await listen('queue/data?session_hash=silent');
  expect(await next()).toContain('estimation');
  let said = '';
  await expect
    .poll(async () => {
      vi.advanceTimersByTime(16_000);
      return (said += await next());
    })
    .toContain('data: {"msg":"heartbeat"}\n\n');
  expect(said).not.toMatch(/^:/m);
  await running.call('POST', '/gradio_api/cancel', { event_id: body['event_id'] });
});

test('a call tells it by an event of its own', async () => {
  const { body } = await running.call('POST', '/gradio_api/call/chat', { data: ['/hang 0'] });
  const id = String(body['event_id']);
  const next = await listen(`call/chat/${id}`);
  vi.advanceTimersByTime(16_000);
  expect(await next()).toBe('event: heartbeat\ndata: null\n\n');
  await running.call('POST', '/gradio_api/cancel', { event_id: id });
});

test('a heartbeat goes on: at the end of one its client asks for another at once', async () => {
  const next = await listen('heartbeat/some-session');
  expect(await next()).toBe('data: ALIVE\n\n');
  for (let count = 0; count < 3; count++) {
    vi.advanceTimersByTime(16_000);
    expect(await next()).toBe('data: ALIVE\n\n');
  }
});
