import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rawRequest, statusOf } from '../../test/fixtures/raw-request.ts';
import { startServer, type RunningServer } from '../../test/fixtures/running-server.ts';
import { samplingSchema } from '../contracts/sampling.ts';

let running: RunningServer;
let chatId = '';
beforeAll(async () => {
  running = await startServer();
  chatId = (await running.chats.create('owner', {})).id;
});
afterAll(() => running.close());

describe('each family of APIs has its own shape of errors', () => {
  const wrong = '{"a":';
  test.each([
    ['/api/chats', 400, { error: { code: 'bad-request' } }],
    [
      '/v1/chat/completions',
      400,
      { error: { type: 'invalid_request_error', code: 'bad_request', param: null } },
    ],
    ['/generate', 422, { error_type: 'validation' }],
    ['/', 422, { error_type: 'validation' }],
    ['/gradio_api/queue/join', 400, { detail: expect.any(String) as unknown }],
  ])('%s', async (path, status, shape) => {
    const answer = await running.call('POST', path, wrong);
    expect([answer.status, answer.body]).toMatchObject([status, shape]);
  });

  test('addresses that are not there, too', async () => {
    expect((await running.call('GET', '/api/none')).body).toMatchObject({ error: { code: 'not-found' } });
    expect((await running.call('GET', '/v1/none')).body).toMatchObject({
      error: { type: 'not_found_error' },
    });
    expect((await running.call('GET', '/gradio_api/none')).body).toMatchObject({
      detail: expect.any(String) as unknown,
    });
  });
});

describe('our own routes refuse what they do not know', () => {
  test.each([
    ['POST', '/api/chats', { tittle: 'x' }, 'tittle'],
    ['POST', '/api/chats', { settings: { sampling: { temprature: 1 } } }, 'settings.sampling.temprature'],
    ['POST', '/api/pulls', { reference: 'a/b', run: 'rm' }, 'run'],
    ['GET', '/api/chats?limmit=1', undefined, 'limmit'],
  ])('%s %s', async (method, path, body, field) => {
    const answer = await running.call(method, path, body);
    expect([answer.status, answer.body]).toMatchObject([
      400,
      { error: { code: 'unknown-field', details: { field } } },
    ]);
  });
});

describe('S15, S16: every number of the sampler is bounded by name', () => {
  const hostile = [-1e9, 1e308, 2 ** 53 + 2, '5', [], {}, true];
  const numbers = Object.keys(samplingSchema.shape).filter(
    (name) =>
      !['logitBias', 'stop', 'stopTokenIds', 'dryBreakers', 'ignoreEos', 'grammar', 'jsonSchema'].includes(
        name,
      ),
  );

  test.each(numbers)('%s', async (name) => {
    for (const value of hostile) {
      const body = { input: { kind: 'message', content: 'x' }, settings: { sampling: { [name]: value } } };
      const answer = await running.call('POST', `/api/chats/${chatId}/runs`, body);
      expect([value, answer.status]).toEqual([value, 400]);
      expect(JSON.stringify(answer.body)).toContain(`settings.sampling.${name}`);
    }
  });

  test('and so are those of OpenAI and TGI, which never reach an engine', async () => {
    const messages = [{ role: 'user', content: 'x' }];
    for (const name of [
      'temperature',
      'top_p',
      'top_k',
      'min_p',
      'max_tokens',
      'repeat_penalty',
      'frequency_penalty',
      'top_logprobs',
      'typical_p',
      'xtc_probability',
      'xtc_threshold',
      'dynatemp_range',
      'dynatemp_exponent',
      'mirostat',
      'mirostat_tau',
      'mirostat_eta',
      'dry_multiplier',
      'dry_base',
      'dry_allowed_length',
      'dry_penalty_last_n',
      'dry_sequence_breakers',
    ]) {
      const { status, body } = await running.call('POST', '/v1/chat/completions', {
        messages,
        [name]: 1e9 + 0.5,
      });
      expect([name, status, body]).toMatchObject([name, 400, { error: { param: name } }]);
    }
    for (const name of [
      'temperature',
      'top_p',
      'top_k',
      'typical_p',
      'max_new_tokens',
      'seed',
      'repetition_penalty',
    ]) {
      const { status } = await running.call('POST', '/generate', { inputs: 'x', parameters: { [name]: -7 } });
      expect([name, status]).toEqual([name, 422]);
    }
    const schema = JSON.stringify({ type: 'object' }).padEnd(70_000, ' ');
    const big = { type: 'json_schema', json_schema: { schema: { type: 'object', description: schema } } };
    const refused = await running.call('POST', '/v1/chat/completions', { messages, response_format: big });
    expect([refused.status, refused.body]).toMatchObject([400, { error: { param: 'response_format' } }]);
  });
});

describe('S14, S18: size and time', () => {
  const head = (path: string, more: string) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}\r\n`;

  test('a body that says it is too large is refused unread', async () => {
    const answer = await rawRequest(running.address, head('/api/chats', 'Content-Length: 1073741824\r\n'));
    expect(statusOf(answer)).toBe(413);
    const tgi = await rawRequest(running.address, head('/generate', 'Content-Length: 1073741824\r\n'));
    expect(statusOf(tgi)).toBe(413);
  });

  const many = <Value>(value: Value): Value[] => Array<Value>(500_000).fill(value);
  test.each<[string, object, number]>([
    ['/generate', { inputs: 'x', parameters: { stop: many(0) } }, 422],
    ['/v1/completions', { prompt: many(null) }, 400],
    ['/v1/completions', { prompt: many([]) }, 400],
    ['/v1/completions', { prompt: many(0.5) }, 400],
    ['/v1/completions', { prompt: 'x', stop: many(0) }, 400],
    ['/v1/embeddings', { input: many(null) }, 400],
    ['/v1/chat/completions', { messages: many({}) }, 400],
    ['/gradio_api/run/chat', { data: [many(0)] }, 400],
    ['/api/chats', { settings: { sampling: { stop: many(0) } } }, 400],
  ])('%s: half a million wrong values hold nobody up', async (path, body, status) => {
    const text = JSON.stringify(body);
    const before = process.cpuUsage();
    expect((await running.call('POST', path, text)).status).toBe(status);
    // Each looked at by itself took seconds, in which nobody else was answered. Work, since others are at work, too.
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(1_500_000);
  });

  test('a prompt of many token ids is taken; it is the context that bounds it', async () => {
    const prompt = Array<number>(100_000).fill(1);
    const { status, body } = await running.call('POST', '/v1/completions', { prompt });
    expect([status, body]).toMatchObject([400, { error: { code: 'context_length_exceeded' } }]);
  });

  test('one that grows without saying so is cut off', async () => {
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    const endless = head('/api/chats', 'Transfer-Encoding: chunked\r\n') + chunk.repeat(40);
    expect(statusOf(await rawRequest(running.address, endless))).toBe(413);
  });

  test('a compressed body and a wrong kind are refused', async () => {
    const zipped = await running.call('POST', '/api/chats', '{}', {
      'content-type': 'application/octet-stream',
    });
    expect(zipped.status).toBe(415);
    expect(
      (
        await running.call('POST', '/api/chats', 'a=b', {
          'content-type': 'application/x-www-form-urlencoded',
        })
      ).status,
    ).toBe(415);
  });

  test('a message of four million characters is taken, more is not', async () => {
    const say = (content: string) => running.call('POST', `/api/chats/${chatId}/count`, { content });
    expect((await say('x'.repeat(4_000_001))).status).toBe(400);
    expect((await say('x'.repeat(4_000))).status).toBe(200);
  });

  test('another wording of a message may be as long as the message', async () => {
    const input = { kind: 'message', content: 'x' };
    const started = await running.call('POST', `/api/chats/${chatId}/runs`, { input });
    const path = `/api/chats/${chatId}/messages/${String(started.body['parentId'])}/edit`;
    const reword = (length: number) => running.call('POST', path, { content: 'x'.repeat(length) });
    expect((await reword(4_000_000)).status).toBe(201);
    expect((await reword(4_000_001)).status).toBe(400);
  });
});
