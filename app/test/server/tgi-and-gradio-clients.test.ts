import { Client } from '@gradio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scriptedModels, startServer, type RunningServer } from '../fixtures/running-server.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer({
    script: { tokensPerSecond: 400 },
    environment: { CORRAL_TITLE: 'The herd', CORRAL_DESCRIPTION: 'Ask a llama.' },
  });
});
afterAll(() => running.close());

interface Described {
  parameters: { type: unknown }[];
  returns: { type: unknown }[];
}

function frames(text: string): Record<string, unknown>[] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('data:'))
    .map((block) => JSON.parse(block.slice(5)) as Record<string, unknown>);
}

describe('TGI', () => {
  test('POST / is an array, /generate an object; details tell tokens, seed and reason', async () => {
    const root = await running.call('POST', '/', { inputs: '/say llama' });
    expect(JSON.parse(root.text)).toEqual([{ generated_text: 'llama' }]);
    const { body } = await running.call('POST', '/generate', {
      inputs: '/say llama',
      parameters: { details: true, decoder_input_details: true, seed: 5, do_sample: true, top_n_tokens: 2 },
    });
    expect(body['generated_text']).toBe('llama');
    expect(body['details']).toMatchObject({ finish_reason: 'eos_token', seed: 5 });
    const details = body['details'] as {
      tokens: { text: string }[];
      prefill: unknown[];
      top_tokens: unknown[][];
    };
    expect(details.tokens.map(({ text }) => text).join('')).toBe('llama');
    expect(details.prefill.length).toBeGreaterThan(0);
    expect(details.top_tokens[0]).toHaveLength(2);
  });

  test('streams a frame for each token; the last carries text and details, and there is no [DONE]', async () => {
    const { text } = await running.call('POST', '/generate_stream', { inputs: '/say llama', parameters: {} });
    const all = frames(text);
    expect(all.map((frame) => (frame['token'] as { text: string }).text).join('')).toBe('llama');
    expect(all.slice(0, -1).every((frame) => frame['generated_text'] === null)).toBe(true);
    expect(all.at(-1)).toMatchObject({ generated_text: 'llama', details: { finish_reason: 'eos_token' } });
    expect(text).not.toContain('[DONE]');
    const byRoot = await running.call('POST', '/', { inputs: '/say llama', stream: true });
    expect(frames(byRoot.text).at(-1)).toMatchObject({ generated_text: 'llama' });
  });

  test('a character of several tokens comes whole with the last of them, also where it is cut short', async () => {
    // A token of this engine is two bytes: "a" and the first byte of the llama, two of it, its last and one of "é", …
    const inputs = '/say a🦙é';
    const texts = (tokens: { text: string }[]) => tokens.map(({ text }) => text);
    for (const [max_new_tokens, told] of [
      [50, ['a', '', '🦙', 'é']],
      [2, ['a', '']],
    ] as const) {
      const parameters = { max_new_tokens, details: true };
      const { text } = await running.call('POST', '/generate_stream', { inputs, parameters });
      const all = frames(text);
      expect(texts(all.map((frame) => frame['token'] as { text: string }))).toEqual(told);
      expect(all.at(-1)).toMatchObject({ generated_text: told.join('') });
      const { body } = await running.call('POST', '/generate', { inputs, parameters });
      expect(texts((body['details'] as { tokens: { text: string }[] }).tokens)).toEqual(told);
    }
  });

  test('a seed of 64 bits is taken, and reduced', async () => {
    const parameters = { details: true, seed: 2 ** 63 + 4096 };
    const { body } = await running.call('POST', '/generate', { inputs: '/say llama', parameters });
    expect(body['details']).toMatchObject({ seed: 4096 });
  });

  test.each([
    [{ temperature: 0 }, '`temperature` must be strictly positive'],
    [{ best_of: 2 }, '`best_of` != 1 is not supported when streaming tokens'],
    [{ max_new_tokens: -1 }, '`max_new_tokens` must be strictly positive'],
    [{ stop: Array.from({ length: 17 }, () => 'x') }, '`stop` supports up to 16 stop sequences. Given: 17'],
  ])('wrong parameters get 422 with its sentence: %j', async (parameters, sentence) => {
    const { status, body } = await running.call('POST', '/generate_stream', { inputs: 'x', parameters });
    expect({ status, body }).toEqual({ status: 422, body: { error: sentence, error_type: 'validation' } });
  });

  test('stop strings, full text, information, health and tokens', async () => {
    const { body } = await running.call('POST', '/generate', {
      inputs: '/say one STOP two',
      parameters: { stop: ['STOP'], return_full_text: true, details: true },
    });
    expect(body).toMatchObject({
      generated_text: '/say one STOP twoone ',
      details: { finish_reason: 'stop_sequence' },
    });
    const info = await running.call('GET', '/info');
    expect(info.body).toMatchObject({ model_id: 'scripted', model_pipeline_tag: 'text-generation' });
    expect(await running.call('GET', '/health')).toMatchObject({ status: 200, text: '' });
    const tokens = await running.call('POST', '/tokenize', { inputs: 'llama' });
    const list = JSON.parse(tokens.text) as { text: string; start: number; stop: number }[];
    expect(list[0]).toMatchObject({ text: '<|begin|>', start: 0, stop: 0 });
    expect(list.slice(1).map(({ text }) => text)).toEqual(['ll', 'am', 'a']);
    expect(list.at(-1)?.stop).toBe(5);
  });

  test('what it tells is of the model that is meant: the default one by its short name, or the one named', async () => {
    const [record] = await scriptedModels().list();
    const models = {
      ...scriptedModels(),
      list: async () => [{ ...record!, id: 'scripted:q8_0', trainedContextTokens: 2048 }],
      resolve: async (reference: string) => ({
        kind: 'scripted' as const,
        id: reference === 'scripted' ? 'scripted:q8_0' : reference,
      }),
    };
    const short = await startServer({ models, script: { contextTokens: 1024 } });
    const loaded = () => short.engines.loaded().map(({ id }) => id);
    const information = async () => (await short.call('GET', '/info')).body;
    expect(await information()).toMatchObject({ max_total_tokens: 2048, model_sha: record!.sha256 });
    expect((await short.call('GET', '/api/models')).body).toMatchObject({ defaultModel: 'scripted:q8_0' });

    const parameters = { decoder_input_details: true };
    const asked = { inputs: '/say llama', parameters, model: 'scripted-other' };
    const { body } = await short.call('POST', '/generate', asked);
    expect((body['details'] as { prefill: unknown[] }).prefill.length).toBeGreaterThan(0);
    const tokens = await short.call('POST', '/tokenize', { inputs: 'llama', model: 'scripted-third' });
    expect(tokens.status).toBe(200);
    expect(loaded()).toEqual(['scripted-other', 'scripted-third']);

    await short.call('POST', '/generate', { inputs: '/say llama' });
    expect(loaded()).toContain('scripted:q8_0');
    expect(await information()).toMatchObject({ max_total_tokens: 1024, max_input_tokens: 1023 });
    await short.close();
    const unknown = await running.call('POST', '/tokenize', { inputs: 'llama', model: 'nowhere' });
    expect([unknown.status, unknown.text]).toEqual([404, expect.stringContaining('scripted') as unknown]);
  });

  test('a request is held while the model loads, and answered', async () => {
    const slow = await startServer({ script: { loadMs: 700 } });
    const { status, text } = await slow.call('POST', '/', { inputs: '/say late' });
    expect([status, text]).toEqual([200, '[{"generated_text":"late"}]']);
    await slow.close();
  });
});

describe('@gradio/client', () => {
  const connect = () => Client.connect(running.address, { events: ['data', 'status', 'log'] });

  test('connects, shows the API with title and description', async () => {
    const client = await connect();
    expect(client.config?.title).toBe('The herd');
    const api = await client.view_api();
    expect(Object.keys(api.named_endpoints)).toEqual(['/chat', '/predict', '/clear']);
    expect(
      api.named_endpoints['/chat']?.parameters.map((it: { parameter_name?: string }) => it.parameter_name),
    ).toEqual([
      'message',
      'system_message',
      'temperature',
      'top_k',
      'top_p',
      'repetition_penalty',
      'max_new_tokens',
      'history',
    ]);
    const config = await running.call('GET', '/config');
    expect(config.body).toMatchObject({
      title: 'The herd',
      description: 'Ask a llama.',
      connect_heartbeat: false,
    });
    expect(config.body).not.toHaveProperty('root');
    client.close();
  });

  test('no component has a schema that Python’s client cannot read, which would stop it while it connects', async () => {
    const { body } = await running.call('GET', '/config');
    const schemas = (body['components'] as Record<string, unknown>[]).flatMap((component) =>
      ['api_info', 'api_info_as_input', 'api_info_as_output']
        .filter((name) => name in component)
        .map((name) => component[name]),
    );
    const { body: info } = await running.call('GET', '/gradio_api/info');
    const endpoints = Object.values(info['named_endpoints'] as Record<string, Described>);
    const described = endpoints.flatMap(({ parameters, returns }) => [...parameters, ...returns]);
    const types = [...schemas, ...described.map(({ type }) => type)].map(
      (schema) => (schema as { type?: unknown } | null)?.type,
    );
    const readable = ['string', 'number', 'integer', 'boolean', 'array', 'object', {}];
    expect(types.length).toBeGreaterThan(20);
    for (const type of types) expect(readable).toContainEqual(type);
  });

  test('predicts with positional and with named values', async () => {
    const client = await connect();
    expect((await client.predict('/chat', ['/say moo'])).data).toEqual(['moo']);
    const named = await client.predict('/chat', { message: '/say baa', temperature: 0.1, max_new_tokens: 2 });
    expect((named.data as string[])[0]?.length).toBeLessThanOrEqual(4);
    expect((await client.predict('/predict', ['/say hum'])).data).toEqual(['hum']);
    client.close();
  });

  test('streams growing text, and tells its place in the queue', async () => {
    const client = await connect();
    const texts: string[] = [];
    const stages: string[] = [];
    for await (const event of client.submit('/chat', { message: '/long 60' })) {
      if (event.type === 'data') texts.push(String((event.data as unknown[])[0]));
      if (event.type === 'status') stages.push(event.stage);
      if (event.type === 'status' && event.stage === 'complete') break;
    }
    expect(texts.length).toBeGreaterThan(2);
    for (const [index, text] of texts.entries()) expect(text.startsWith(texts[index - 1] ?? '')).toBe(true);
    expect(stages).toContain('pending');
    expect(stages.at(-1)).toBe('complete');
    client.close();
  });

  test('a session remembers, an explicit history overrides it, and clear forgets', async () => {
    const client = await connect();
    const tokens = async (data: Record<string, unknown>): Promise<number> => {
      const before = await promptTokens();
      await client.predict('/chat', { message: '/say x', ...data });
      return (await promptTokens()) - before;
    };
    const first = await tokens({});
    const second = await tokens({});
    expect(second).toBeGreaterThan(first);
    expect(await tokens({ history: [] })).toBe(first);
    expect(await tokens({ history: [['q', 'a'.repeat(500)]] })).toBeGreaterThan(second);
    await client.predict('/clear', []);
    expect(await tokens({})).toBe(first);
    client.close();
  });

  test('cancel keeps the partial text', async () => {
    const client = await connect();
    const job = client.submit('/chat', { message: '/long 3000', max_new_tokens: 3000 });
    let last = '';
    for await (const event of job) {
      if (event.type === 'data') last = String((event.data as unknown[])[0]);
      if (event.type === 'data' && last.length > 20) await job.cancel();
      if (event.type === 'status' && event.stage === 'complete') break;
      if (event.type === 'status' && event.stage === 'error') break;
    }
    expect(last.length).toBeGreaterThan(20);
    // All of it are 3,000 tokens of two letters.
    expect(last.length).toBeLessThan(5_000);
    client.close();
  });

  test('after a reader was lost the same session asks again and is answered', async () => {
    const client = await connect();
    const session_hash = client.session_hash;
    const asked = { data: ['/long 60'], fn_index: 1, session_hash };
    expect((await running.call('POST', '/gradio_api/queue/join', asked)).status).toBe(200);
    const lost = new AbortController();
    const address = `${running.address}/gradio_api/queue/data?session_hash=${session_hash}`;
    const reading = await fetch(address, { signal: lost.signal });
    await reading.body?.getReader().read();
    const before = await answers();
    lost.abort();
    // The first answer ends while nobody reads it.
    await expect.poll(answers, { timeout: 20_000 }).toBe(before + 1);
    expect((await client.predict('/chat', ['/say found'])).data).toEqual(['found']);
    client.close();
  });

  test('a failure is an error with its reason; wrong values are refused', async () => {
    const client = await connect();
    await expect(client.predict('/chat', ['/fail 2'])).rejects.toMatchObject({
      message: expect.stringContaining('script says') as unknown,
    });
    await expect(client.predict('/chat', { message: 'x', temperature: 99 })).rejects.toBeDefined();
    client.close();
  });

  test('five jobs of five sessions at once', async () => {
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map(async (number) => {
        const client = await connect();
        const { data } = await client.predict('/chat', [`/say ${number}`]);
        client.close();
        return data;
      }),
    );
    expect(answers).toEqual([['1'], ['2'], ['3'], ['4'], ['5']]);
  });

  test('curl: call, read by id, by keywords, and run', async () => {
    for (const [path, body] of [
      ['/gradio_api/call/chat', { data: ['/say moo'] }],
      ['/gradio_api/call/v2/chat', { message: '/say moo' }],
    ] as const) {
      const { body: call } = await running.call('POST', path, body);
      const { text } = await running.call('GET', `/gradio_api/call/chat/${String(call['event_id'])}`);
      expect(text).toContain('event: complete\ndata: ["moo"]');
    }
    const run = await running.call('POST', '/gradio_api/run/predict', { data: ['/say moo', null] });
    expect(run.body).toMatchObject({ data: ['moo', null], is_generating: false });
    expect((await running.call('POST', '/gradio_api/call/none', { data: [] })).status).toBe(404);
    expect((await running.call('POST', '/gradio_api/run/chat', { data: [5] })).status).toBe(400);
  });

  test('messages that do not fit are left out and told: in the queue, to a call, and in a run', async () => {
    const narrow = await startServer({ script: { contextTokens: 300 } });
    const history = Array.from({ length: 10 }, () => ['q', 'a'.repeat(100)]);
    const dataWith = (pairs: string[][]) => ['/say moo', ...Array<null>(6).fill(null), pairs];
    const data = dataWith(history);
    const warning = { level: 'warning', log: expect.stringMatching(/no longer sees the first \d+ messages/) };

    const client = await Client.connect(narrow.address, { events: ['data', 'log', 'status'] });
    const told: unknown[] = [];
    for await (const event of client.submit('/chat', data)) {
      if (event.type === 'log' || event.type === 'data') told.push(event);
      if (event.type === 'status' && event.stage === 'complete') break;
    }
    expect(told[0]).toMatchObject({ type: 'log', ...warning });
    expect(told.at(-1)).toMatchObject({ type: 'data', data: ['moo'] });
    client.close();

    const { body: call } = await narrow.call('POST', '/gradio_api/call/chat', { data });
    const read = () => narrow.call('GET', `/gradio_api/call/chat/${String(call['event_id'])}`);
    // Who comes when all is over hears the same.
    for (const { text } of [await read(), await read()]) {
      const [first = '', ...rest] = text.trim().split('\n\n');
      expect(first).toMatch(/^event: log\ndata: /);
      expect(JSON.parse(first.slice('event: log\ndata: '.length))).toMatchObject(warning);
      expect(rest.at(-1)).toBe('event: complete\ndata: ["moo"]');
    }

    const run = await narrow.call('POST', '/gradio_api/run/chat', { data });
    expect(run.body).toMatchObject({ data: ['moo'], log: warning });
    const huge = dataWith([['q', 'a'.repeat(1_000_001)]]);
    const bounded = await narrow.call('POST', '/gradio_api/run/chat', { data: huge });
    expect(JSON.stringify(bounded.body)).toContain('no longer sees the first 2 messages');
    const short = await narrow.call('POST', '/gradio_api/run/chat', { data: ['/say moo'] });
    expect(short.body).not.toHaveProperty('log');
    await narrow.close();
  });
});

async function promptTokens(): Promise<number> {
  const { text } = await running.call('GET', '/metrics');
  return Number(/corral_tokens_total\{kind="prompt"\} (\d+)/.exec(text)?.[1] ?? 0);
}

async function answers(): Promise<number> {
  const { text } = await running.call('GET', '/metrics');
  const counts = text.matchAll(/^corral_answers_total\{dialect="gradio".*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
