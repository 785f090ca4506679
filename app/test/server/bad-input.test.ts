import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyOf, rawRequest, statusOf } from '../fixtures/raw-request.ts';
import { startServer, type RunningServer } from '../fixtures/running-server.ts';

/**
 * What no client should send, to every family of addresses: each answers in its own shape, and an answer that is being
 * written meanwhile comes out whole.
 */

let running: RunningServer;
let chatId = '';
let runId = '';
beforeAll(async () => {
  running = await startServer({ script: { tokensPerSecond: 25 } });
  const chat = await running.chats.create('owner', {});
  chatId = chat.id;
  const { runs } = await running.chats.run('owner', chatId, {
    input: { kind: 'message', content: '/long 100' },
  });
  runId = runs[0]!.id;
});
afterAll(() => running.close());

const text = expect.any(String) as unknown;

interface Family {
  path: string;
  /** A body that would be right. */
  right: Record<string, unknown>;
  /** The status of a wrong body. */
  status: number;
  shape: object;
}

const families: Record<string, Family> = {
  native: {
    path: '/api/chats',
    right: {},
    status: 400,
    shape: { error: { code: text, message: text }, requestId: text },
  },
  OpenAI: {
    path: '/v1/chat/completions',
    right: { messages: [{ role: 'user', content: '/say hi' }] },
    status: 400,
    shape: { error: { message: text, type: 'invalid_request_error', code: text } },
  },
  TGI: {
    path: '/generate',
    right: { inputs: '/say hi' },
    status: 422,
    shape: { error: text, error_type: 'validation' },
  },
  Gradio: {
    path: '/gradio_api/queue/join',
    right: { data: ['/say hi'], fn_index: 1, session_hash: 'bad-input' },
    status: 400,
    shape: { detail: text },
  },
};

/** The bytes of a request as they are, with what would be refused by any client that makes them. */
function post(path: string, body: Buffer | string, more = ''): Promise<string> {
  const bytes = Buffer.from(body);
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n${more}\r\n`;
  return rawRequest(running.address, Buffer.concat([Buffer.from(head), bytes]), 20_000);
}

describe.each(Object.entries(families))('%s', (_name, { path, right, status, shape }) => {
  const [first = 'title'] = Object.keys(right);
  const bodies: [string, Buffer | string][] = [
    ['malformed JSON', '{"a":'],
    ['NaN', `{"${first}": NaN}`],
    ['a number no computer has', `{"${first}": 1e999}`],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ['half a character', `{"${first}": "\\ud800"}`],
    ['a prototype', '{"__proto__": {"a": 1}}'],
    ['a list', '[]'],
    ['nothing but null', 'null'],
    ['depth', '['.repeat(50_000)],
  ];

  test.each(bodies)('%s is told in its own shape', async (_what, body) => {
    const answer = await post(path, body);
    expect([statusOf(answer), bodyOf(answer)]).toMatchObject([status, shape]);
  });

  test('a wrong content type, and a header twice', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await running.call('POST', path, JSON.stringify(right), { 'content-type': type });
      expect([type, answer.status]).toEqual([type, 415]);
      for (const name of Object.keys(shape)) expect(answer.body).toHaveProperty(name);
    }
    const twice = await post(
      path,
      JSON.stringify(right),
      'Authorization: Bearer a\r\nAuthorization: Bearer b\r\n',
    );
    expect([statusOf(twice), bodyOf(twice)]).toMatchObject([status, shape]);
  });

  test.each<[string, number, (path: string) => string]>([
    ['an absolute target', status, (it) => `POST http://localhost${it} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    [
      'headers without end',
      431,
      (it) => `POST ${it} HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    ],
    [
      'two lengths',
      status,
      (it) => `POST ${it} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    ],
    ['a method that nobody knows', status, (it) => `LLAMA ${it} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
  ])('%s is told in its own shape', async (_what, told, request) => {
    const answer = await rawRequest(running.address, request(path));
    expect([statusOf(answer), bodyOf(answer)]).toMatchObject([told, shape]);
    for (const header of ['x-request-id', 'x-content-type-options: nosniff', 'content-security-policy'])
      expect(answer.toLowerCase()).toContain(header);
  });

  test('and the right body is still right', async () => {
    expect((await running.call('POST', path, right)).status).toBeLessThan(300);
  });
});

test.each([
  ['/api/chats/%zz', 'native'],
  ['/v1/models/%zz', 'OpenAI'],
  ['/gradio_api/call/%zz', 'Gradio'],
] as const)('an address that is wrongly coded is told in its own shape: %s', async (path, name) => {
  const answer = await rawRequest(running.address, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  expect([statusOf(answer), bodyOf(answer)]).toMatchObject([400, families[name]!.shape]);
});

test('a part of an address that is too long is told so, and not repeated', async () => {
  const answer = await running.call('GET', `/api/chats/${'a'.repeat(3_000)}`);
  expect([answer.status, answer.body]).toMatchObject([414, families['native']!.shape]);
  expect(answer.text).not.toContain('aaaa');
  expect(answer.headers.get('x-request-id')).not.toBeNull();
});

describe('a model that is not there is 404 and names those there are', () => {
  test.each([
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }], model: 'none' }],
    ['/v1/completions', { prompt: 'x', model: 'none' }],
    ['/generate', { inputs: 'x', model: 'none' }],
  ])('%s', async (path, body) => {
    const answer = await running.call('POST', path, body);
    expect(answer.status).toBe(404);
    expect(answer.text).toContain('scripted');
  });
});

test('an answer that was being written all the while is whole', async () => {
  let streamed = '';
  for await (const event of running.chats.watch('owner', runId, {
    from: 0,
    signal: AbortSignal.timeout(100_000),
  })) {
    if (event.type === 'text') streamed += event.text;
    if (event.type === 'end') expect(event.reason).toBe('stop');
  }
  const { messages } = await running.chats.open('owner', chatId);
  expect(streamed).toBe(messages[1]?.content);
  expect(streamed.split(' ').length).toBeGreaterThan(100);
});
