import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import {
  textGeneration,
  textGenerationStream,
  chatCompletion,
  chatCompletionStream,
} from '@huggingface/inference';
import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../src/contracts/app-error.ts';
import { startServer, type RunningServer } from '../fixtures/running-server.ts';

/** The real clients of these protocols, unmodified, against a listening server. */

let running: RunningServer;
beforeAll(async () => {
  running = await startServer({ script: { tokensPerSecond: 2000 } });
});
afterAll(() => running.close());

const hello = [{ role: 'user' as const, content: 'Hello, herd' }];

describe('openai', () => {
  const client = (): OpenAI =>
    new OpenAI({ baseURL: `${running.address}/v1`, apiKey: 'none', maxRetries: 0 });

  test('lists the models and finds one', async () => {
    const models = await client().models.list();
    expect(models.data.map(({ id }) => id)).toEqual(['scripted']);
    expect((await client().models.retrieve('scripted')).object).toBe('model');
    await expect(client().models.retrieve('nowhere/none')).rejects.toMatchObject({ status: 404 });
  });

  test('answers a chat with usage, timings and a finish reason', async () => {
    const answer = await client().chat.completions.create({ model: 'scripted', messages: hello, seed: 7 });
    const [choice] = answer.choices;
    expect(choice?.message.content).toContain('You said "Hello, herd"');
    expect(choice?.finish_reason).toBe('stop');
    expect(answer.usage?.prompt_tokens).toBeGreaterThan(0);
    expect(answer.usage?.total_tokens).toBe(
      (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
    );
    expect(answer).toHaveProperty('timings.predicted_n', answer.usage?.completion_tokens);
    const again = await client().chat.completions.create({ model: 'scripted', messages: hello, seed: 7 });
    expect(again.choices[0]?.message.content).toBe(choice?.message.content);
  });

  test('streams the same text in pieces, then usage', async () => {
    const whole = await client().chat.completions.create({ model: 'scripted', messages: hello, seed: 7 });
    const stream = await client().chat.completions.create({
      model: 'scripted',
      messages: hello,
      seed: 7,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    const finishes: unknown[] = [];
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (chunk.choices[0]?.finish_reason) finishes.push(chunk.choices[0].finish_reason);
      if (chunk.choices.length === 0) usage = chunk.usage;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(finishes).toEqual(['stop']);
    expect(usage?.completion_tokens).toBe(whole.usage?.completion_tokens);
  });

  test('both names of the limit end an answer with length', async () => {
    for (const limit of [{ max_tokens: 3 }, { max_completion_tokens: 3 }]) {
      const answer = await client().chat.completions.create({ model: 'scripted', messages: hello, ...limit });
      expect(answer.choices[0]?.finish_reason).toBe('length');
      expect(answer.usage?.completion_tokens).toBe(3);
    }
  });

  test('stop strings end it and are not part of it', async () => {
    const answer = await client().chat.completions.create({
      model: 'scripted',
      messages: [{ role: 'user', content: '/say one two STOP three' }],
      stop: 'STOP',
    });
    expect(answer.choices[0]?.message.content).toBe('one two ');
    expect(answer.choices[0]?.finish_reason).toBe('stop');
  });

  test('log-probabilities come with each token, whole and streamed', async () => {
    const request = { model: 'scripted', messages: hello, logprobs: true, top_logprobs: 2, max_tokens: 4 };
    const answer = await client().chat.completions.create(request);
    const content = answer.choices[0]?.logprobs?.content ?? [];
    expect(content).toHaveLength(4);
    expect(content[0]?.top_logprobs).toHaveLength(2);
    const stream = await client().chat.completions.create({ ...request, stream: true });
    let count = 0;
    for await (const chunk of stream) count += chunk.choices[0]?.logprobs?.content?.length ?? 0;
    expect(count).toBe(4);
  });

  test('continues a raw prompt, echoes it, and takes token ids', async () => {
    for (const prompt of ['/say raw', ['/say raw']]) {
      const answer = await client().completions.create({ model: 'scripted', prompt, echo: true });
      expect(answer.choices[0]?.text).toBe('/say rawraw');
    }
    const told = await client().completions.create({ model: 'scripted', prompt: '/say raw', logprobs: 1 });
    expect(told.choices[0]?.logprobs).toMatchObject({ tokens: ['ra', 'w'], text_offset: [0, 2] });
    const byIds = await client().completions.create({ model: 'scripted', prompt: [72, 105], max_tokens: 2 });
    expect(byIds.usage?.prompt_tokens).toBe(2);
    let streamed = '';
    const stream = await client().completions.create({ model: 'scripted', prompt: '/say raw', stream: true });
    for await (const chunk of stream) streamed += chunk.choices[0]?.text ?? '';
    expect(streamed).toBe('raw');
  });

  test.each([
    ['the log-probabilities of the prompt', { prompt: 'x', logprobs: 0 }],
    ['token ids', { prompt: [72, 105] }],
  ])('echo is refused by name where it would leave out %s', async (_what, wrong) => {
    await expect(
      client().completions.create({ model: 'scripted', echo: true, ...wrong }),
    ).rejects.toMatchObject({ status: 400, param: 'echo', code: 'unsupported_field' });
  });

  test('a seed of 64 bits is taken, and says the same as its lower 32', async () => {
    const say = async (seed: number) =>
      (await client().chat.completions.create({ model: 'scripted', messages: hello, seed })).choices[0]
        ?.message.content;
    expect(await say(2 ** 63 + 4096)).toBe(await say(4096));
    await expect(say(0.5)).rejects.toMatchObject({ status: 400, param: 'seed' });
  });

  test.each([
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['n', { n: 2 }],
    [
      'messages.0.content.1',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'image_url', image_url: { url: 'x' } },
            ],
          },
        ],
      },
    ],
    ['messages.0.role', { messages: [{ role: 'tool', content: 'x', tool_call_id: '1' }] }],
    ['temperature', { temperature: 9 }],
    ['logit_bias.x', { logit_bias: { x: 1 } }],
    ['logit_bias', { logit_bias: { 100_000: -100 } }],
    ['max_completion_tokens', { max_completion_tokens: '4' }],
  ])('what it cannot do is refused by name: %s', async (field, wrong) => {
    const request = { model: 'scripted', messages: hello, ...wrong } as never;
    const error: unknown = await client()
      .chat.completions.create(request)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 400, param: field, type: 'invalid_request_error' });
    expect((error as APIError).message).not.toContain('..');
  });

  test.each([
    ['/v1/completions', 'prompt', { prompt: [100_000] }],
    ['/v1/completions', 'max_completion_tokens', { prompt: 'x', max_completion_tokens: '4' }],
    ['/v1/completions', 'max_completion_tokens', { prompt: 'x', max_completion_tokens: -7 }],
    ['/v1/embeddings', 'input', { input: [100_000] }],
  ])('%s refuses %s by the name that it was sent under', async (path, param, wrong) => {
    const { status, body } = await running.call('POST', path, wrong);
    expect([status, body]).toMatchObject([400, { error: { param } }]);
    expect(JSON.stringify(body)).not.toContain('..');
  });

  test('gives the directions of texts, as floats and as the base64 that it asks for by itself', async () => {
    const input = ['Hello, herd', 'Something else altogether', 'Hello, herd'];
    const floats = await client().embeddings.create({ model: 'scripted', input, encoding_format: 'float' });
    const packed = await client().embeddings.create({ model: 'scripted', input });
    expect(floats.data.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(floats.data[0]?.embedding).toEqual(floats.data[2]?.embedding);
    expect(floats.data[0]?.embedding).not.toEqual(floats.data[1]?.embedding);
    for (const [at, { embedding }] of packed.data.entries()) {
      const expected = floats.data[at]?.embedding ?? [];
      expect(embedding).toHaveLength(expected.length);
      embedding.forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 6));
    }
    expect(floats.usage.prompt_tokens).toBeGreaterThan(3);
    const one = await client().embeddings.create({
      model: 'scripted',
      input: [72, 105],
      encoding_format: 'float',
    });
    expect(one.data).toHaveLength(1);
    for (const [body, field] of [
      [{ input: '' }, 'input'],
      [{ input: [] }, 'input'],
      [{ input: 'x', dimensions: 8 }, 'dimensions'],
    ] as const)
      await expect(
        client().embeddings.create({ model: 'scripted', ...body, input: body.input as string }),
      ).rejects.toMatchObject({ status: 400, param: field });
  });

  test('an unknown model is 404 and the message names those there are; unknown fields are ignored', async () => {
    await expect(client().chat.completions.create({ model: 'gpt-5', messages: hello })).rejects.toMatchObject(
      { status: 404, code: 'model_not_found', message: expect.stringContaining('scripted') as unknown },
    );
    const odd = { model: 'scripted', messages: hello, metadata: { a: 'b' }, made_up: 1 } as never;
    await expect(client().chat.completions.create(odd)).resolves.toBeDefined();
  });

  test('a wrong key is told by the code that clients know', async () => {
    const keyed = await startServer({ environment: { CORRAL_ACCESS_KEY: 'a-right-access-key-0123456789' } });
    const other = new OpenAI({ baseURL: `${keyed.address}/v1`, apiKey: 'wrong', maxRetries: 0 });
    await expect(other.models.list()).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
    await keyed.close();
  });

  test('a failure in the middle ends the stream with the error', async () => {
    const messages = [{ role: 'user' as const, content: '/fail 3' }];
    const stream = await client().chat.completions.create({ model: 'scripted', messages, stream: true });
    const read = async (): Promise<void> => {
      for await (const chunk of stream) void chunk;
    };
    await expect(read()).rejects.toThrow(/script says/);
    await expect(client().chat.completions.create({ model: 'scripted', messages })).rejects.toMatchObject({
      status: 502,
    });
  });

  test('how long a service asks to wait is passed on', async () => {
    const details = { retryAfterMs: 2_500 };
    const loadError = () => new AppError('provider-rate-limited', 'the service is limiting you', { details });
    const limited = await startServer({ script: { loadError } });
    const answer = await limited.call('POST', '/v1/chat/completions', { messages: hello });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3']);
    await limited.close();
  });

  test('a client that goes away stops the engine', async () => {
    const slow = await startServer({ script: { tokensPerSecond: 50 } });
    const other = new OpenAI({ baseURL: `${slow.address}/v1`, apiKey: 'none' });
    const stream = await other.chat.completions.create({
      model: 'scripted',
      messages: [{ role: 'user', content: '/long 5000' }],
      max_tokens: 5000,
      stream: true,
    });
    for await (const chunk of stream) {
      expect(slow.engines.loaded()[0]?.users).toBe(1);
      if (chunk.choices[0]?.delta.content) break;
    }
    stream.controller.abort();
    // The answer itself would go on for longer than is waited here.
    await expect.poll(() => slow.engines.loaded()[0]?.users ?? 0).toBe(0);
    await slow.close();
  });
});

describe('ai with @ai-sdk/openai-compatible', () => {
  const model = () =>
    createOpenAICompatible({ name: 'corral', baseURL: `${running.address}/v1`, includeUsage: true })(
      'scripted',
    );

  test('generates and streams with usage', async () => {
    const answer = await generateText({ model: model(), prompt: '/say hello there' });
    expect(answer.text).toBe('hello there');
    expect(answer.usage.outputTokens).toBeGreaterThan(0);
    const stream = streamText({ model: model(), prompt: '/say hello there' });
    let text = '';
    for await (const piece of stream.textStream) text += piece;
    expect(text).toBe('hello there');
    expect((await stream.usage).inputTokens).toBeGreaterThan(0);
    expect(await stream.finishReason).toBe('stop');
  });
});

describe('@huggingface/inference', () => {
  const at = () => ({ endpointUrl: running.address });

  test('chats, whole and streamed, with the address as model name', async () => {
    const answer = await chatCompletion({ ...at(), messages: [{ role: 'user', content: '/say hi' }] });
    expect(answer.choices[0]?.message.content).toBe('hi');
    let text = '';
    for await (const chunk of chatCompletionStream({
      ...at(),
      messages: [{ role: 'user', content: '/say hi' }],
    }))
      text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('hi');
  });

  test('generates text, whole and streamed', async () => {
    const answer = await textGeneration({
      ...at(),
      inputs: '/say plain',
      parameters: { max_new_tokens: 50 },
    });
    expect(JSON.stringify(answer)).toContain('plain');
    let raw = '';
    for await (const chunk of textGenerationStream({ ...at(), inputs: '/say plain' }))
      raw += JSON.stringify(chunk);
    expect(raw).toContain('pl');
  });

  test('hears of a service that is busy; 503 it would ask again for ever, and as fast as it can', async () => {
    const refusal = { httpResponse: { status: 502 } };
    for (const code of ['provider-unavailable', 'engine-unavailable']) {
      const inputs = `/fail 0 ${code}`;
      const signal = AbortSignal.timeout(10_000);
      await expect(textGeneration({ ...at(), inputs }, { signal })).rejects.toMatchObject(refusal);
      const messages = [{ role: 'user' as const, content: inputs }];
      await expect(chatCompletion({ ...at(), messages }, { signal })).rejects.toMatchObject(refusal);
    }
  });
});
