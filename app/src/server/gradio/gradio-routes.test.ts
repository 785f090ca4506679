import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
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

async function join(session_hash: string, message: string): Promise<string> {
  const data = [message, null, null, null, null, null, 3000];
  const asked = { data, fn_index: 1, session_hash };
  const { status, body } = await running.call('POST', '/gradio_api/queue/join', asked);
  expect(status).toBe(200);
  return String(body['event_id']);
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

interface Estimation {
  msg: string;
  event_id: string;
  rank: number;
  queue_size: number;
  rank_eta: number | null;
}

const estimations = (text: string, id: string): Estimation[] =>
  text
    .split('\n\n')
    .filter((block) => block.startsWith('data: '))
    .map((block) => JSON.parse(block.slice('data: '.length)) as Estimation)
    .filter(({ msg, event_id }) => msg === 'estimation' && event_id === id);

test('a question tells its place: behind the others of its session', async () => {
  await join('two-questions', '/long 60');
  const id = await join('two-questions', '/say second');
  const [first] = estimations(await read('two-questions'), id);
  expect(first).toEqual({ msg: 'estimation', event_id: id, rank: 1, queue_size: 2, rank_eta: null });
});

test('and behind the answers of others, until it is its turn', async () => {
  const narrow = await startServer({ script: { tokensPerSecond: 400, slots: 1 } });
  onTestFinished(() => narrow.close());
  const ask = async (session_hash: string, message: string): Promise<string> => {
    const asked = { data: [message, null, null, null, null, null, 1500], fn_index: 1, session_hash };
    return String((await narrow.call('POST', '/gradio_api/queue/join', asked)).body['event_id']);
  };
  await ask('before', '/long 1500');
  await expect.poll(() => narrow.engines.loaded()[0]?.users).toBe(1);
  const [second, third] = [await ask('second', '/say x'), await ask('third', '/say y')];
  const told = async (session: string, id: string): Promise<[number, number][]> => {
    const { text } = await narrow.call('GET', `/gradio_api/queue/data?session_hash=${session}`);
    return estimations(text, id).map(({ rank, queue_size }) => [rank, queue_size]);
  };
  const [ofSecond, ofThird] = await Promise.all([told('second', second), told('third', third)]);
  expect(ofSecond[0]).toEqual([0, 1]);
  expect(ofSecond).toContainEqual([1, 2]);
  expect(ofThird).toContainEqual([2, 3]);
  expect(ofThird.at(-1)).toEqual([1, 2]);
});

describe('a stop needs the id of the answer alone, and the text so far is the result', () => {
  /** Stops what a stream tells of once it has begun, and gives all that the stream says. */
  async function stopWhileReading(
    path: string,
    { id, stream }: { id: string; stream: string },
  ): Promise<string> {
    const { body } = await fetch(`${running.address}${stream}`);
    const decoder = new TextDecoder();
    let text = '';
    let isStopped = false;
    for await (const chunk of body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (isStopped || !text.includes('generating')) continue;
      isStopped = true;
      expect(await stop(path, id)).toEqual({ success: true });
    }
    expect(await stop(path, id)).toEqual({ success: false });
    return text;
  }
  const stop = async (path: string, event_id: string): Promise<unknown> =>
    (await running.call('POST', `/gradio_api/${path}`, { event_id })).body;
  /** All of it are 3,000 tokens of two letters, which take seven seconds and more. */
  const isPartial = (text = ''): boolean => text.length > 0 && text.length < 5_000;

  test.each(['cancel', 'reset'])('/%s of what a session asked', async (path) => {
    const id = await join(`stopped-by-${path}`, '/long 3000');
    const stream = `/gradio_api/queue/data?session_hash=stopped-by-${path}`;
    const text = await stopWhileReading(path, { id, stream });
    expect(isPartial(/"msg":"process_completed".*"data":\["(.*)"\]/.exec(text)?.[1])).toBe(true);
  });

  test('/reset of a call, which has no session', async () => {
    const data = ['/long 3000', null, null, null, null, null, 3000];
    const { body } = await running.call('POST', '/gradio_api/call/chat', { data });
    const id = String(body['event_id']);
    const text = await stopWhileReading('reset', { id, stream: `/gradio_api/call/chat/${id}` });
    expect(isPartial(/event: complete\ndata: \["(.*)"\]/.exec(text)?.[1])).toBe(true);
  });

  test('what is not there is not stopped', async () => {
    expect(await stop('cancel', '0'.repeat(32))).toEqual({ success: false });
  });
});

test('a multimodal message is taken without files, and refused by name with one', async () => {
  const run = (message: unknown, history?: unknown) => {
    const data = [message, null, null, null, null, null, null, history];
    return running.call('POST', '/gradio_api/run/chat', { data });
  };
  const files = [{ path: '/tmp/a.png', meta: { _type: 'gradio.FileData' } }];
  for (const none of [{}, { files: [] }, { files: null }])
    expect((await run({ text: '/say seen', ...none })).body).toMatchObject({ data: ['seen'] });
  const asked = await run({ text: 'What is in this picture?', files });
  expect([asked.status, asked.body['error']]).toEqual([400, expect.stringContaining('message.files')]);
  const before = await run('/say x', [{ role: 'user', content: { text: 'Look', files } }]);
  expect([before.status, before.body['error']]).toEqual([
    400,
    expect.stringContaining('history.0.content.files'),
  ]);
});
