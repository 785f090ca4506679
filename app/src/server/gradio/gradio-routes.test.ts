import { afterAll, beforeAll, beforeEach, afterEach, expect, test, vi } from 'vitest';
import { startServer, type RunningServer } from '../../../test/fixtures/running-server.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer({ script: { tokensPerSecond: 400 } });
});
afterAll(() => running.close());

/** Only the timers of the server jump: the engine keeps its own pace. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());
const longAgo = (): void => void vi.advanceTimersByTime(11_000);

async function join(session_hash: string, message: string): Promise<void> {
  const data = [message, null, null, null, null, null, 3000];
  const asked = { data, fn_index: 1, session_hash };
  expect((await running.call('POST', '/gradio_api/queue/join', asked)).status).toBe(200);
}

/** Everything that the stream of a session says until it is closed. */
const read = async (session_hash: string): Promise<string> =>
  (await running.call('GET', `/gradio_api/queue/data?session_hash=${session_hash}`)).text;

test('the end of one stream stops no question that is asked afterwards', async () => {
  await join('one-after-another', '/say first');
  expect(await read('one-after-another')).toContain('close_stream');
  // Its reader comes a round trip later.
  await join('one-after-another', '/long 60');
  longAgo();
  const text = await read('one-after-another');
  expect(text).toMatch(/"process_completed".*"data":\["You said \\"\/long 60\\": [^"]+\."/);
});

test('a call in the same session is not what the reader of its stream waited for', async () => {
  await join('with-a-call', '/say first');
  await read('with-a-call');
  const asked = { data: ['/long 60'], session_hash: 'with-a-call' };
  const { body } = await running.call('POST', '/gradio_api/call/chat', asked);
  longAgo();
  const { text } = await running.call('GET', `/gradio_api/call/chat/${String(body['event_id'])}`);
  expect(text).toMatch(/event: complete\ndata: \["You said [^\n]+\."\]/);
});

test('what a reader waited for is stopped when it stays away', async () => {
  await join('left', '/long 5000');
  const lost = new AbortController();
  const address = `${running.address}/gradio_api/queue/data?session_hash=left`;
  const reading = await fetch(address, { signal: lost.signal });
  await reading.body?.getReader().read();
  lost.abort();
  const answers = async (): Promise<string> => {
    // Once the server has heard that it left.
    longAgo();
    return (await running.call('GET', '/metrics')).text;
  };
  await expect
    .poll(answers, { timeout: 10_000 })
    .toContain('corral_answers_total{dialect="gradio",reason="aborted"} 1');
});
