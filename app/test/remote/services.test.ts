import { describe, expect, test } from 'vitest';
import type { Sampling } from '../../src/contracts/sampling.ts';
import { answerOf, chatRequest, type Answer } from '../../src/engine/contract/answers.ts';
import { ask, chatPath, falcon, listPath, model, service, vllm } from './asked-service.ts';
import * as fixtures from './service-fixtures.ts';
import { refusals } from './service-refusals.ts';
import { frames, html, json, stream, type StandInService } from './stand-in-service.ts';

const usageOf = ({ parts }: Answer) => {
  const usage = parts.find((part) => part.type === 'usage');
  return usage?.type === 'usage' ? usage.usage : null;
};

describe('what each service writes is understood', () => {
  const { vllm, sglang, llamaServer, ollama, lmStudio, openRouter, magistral, huggingFace } = fixtures;
  const all = { vllm, sglang, llamaServer, ollama, lmStudio, openRouter, magistral, huggingFace };
  describe.each(Object.entries(all))('%s', (name, fixture) => {
    // 1 cuts every frame and every character; 7 and 64 cut some; 0 comes in one piece.
    test.each([0, 1, 7, 64])('in pieces of %i bytes', async (pieceBytes) => {
      const chat = stream(fixture.stream, pieceBytes === 0 ? {} : { pieceBytes });
      const { url } = await service({ [listPath]: json(200, fixture.models), [chatPath]: chat });
      const kind = name === 'huggingFace' ? 'huggingface' : 'openai';
      const opened = await model({ provider: { kind, url }, model: fixture.model });
      const { engine } = opened;
      expect(engine.describe().engineRelease).toBe(fixture.title);
      expect(engine.describe().trainedContextTokens).toBe(fixture.contextTokens ?? 8192);
      const answer = await ask(opened);
      expect(answer.text).toBe(fixture.text);
      expect(answer.end).toEqual({ type: 'end', ...fixture.end });
      const usage = usageOf(answer);
      if (fixture.usage) expect(usage).toEqual(fixture.usage);
      else expect(usage?.completionTokens).toBeGreaterThan(0);
    });
  });

  test.each([
    ['fastest', 'huggingface', 16_384],
    ['cerebras', 'huggingface', 32_768],
    // Elsewhere it may be another model.
    ['fastest', 'openai', 8192],
  ] as const)(
    'a model with the suffix :%s at %s has the context of its entry',
    async (suffix, kind, tokens) => {
      const { models, model: name } = fixtures.huggingFace;
      const { url } = await service({ [listPath]: json(200, models) });
      const { engine } = await model({ provider: { kind, url }, model: `${name}:${suffix}` });
      expect(engine.describe().trainedContextTokens).toBe(tokens);
    },
  );

  test('one that is listed with its suffix is that one', async () => {
    const models = {
      data: [
        { id: 'a/b', context_length: 4096 },
        { id: 'a/b:free', context_length: 2048 },
      ],
    };
    const { url } = await service({ [listPath]: json(200, models) });
    const { engine } = await model({ provider: { kind: 'huggingface', url }, model: 'a/b:free' });
    expect(engine.describe().trainedContextTokens).toBe(2048);
  });

  test.each([
    ['3', fixtures.tgiStream, ' Hello!', { promptTokens: 25, completionTokens: 4 }],
    ['2', fixtures.olderTgiStream, ' Hello', { completionTokens: 1 }],
  ])('TGI %s', async (_release, body, text, usage) => {
    const started = await service({
      'GET /info': json(200, fixtures.tgiInformation),
      'POST /generate_stream': stream(body, { pieceBytes: 11 }),
    });
    const opened = await model({ provider: { kind: 'tgi', url: started.url }, model: falcon });
    const answer = await ask(opened, { logprobs: 0 });
    expect(answer.text).toBe(text);
    expect(usageOf(answer)).toMatchObject(usage);
    expect(answer.parts.filter((part) => part.type === 'token').length).toBeGreaterThan(0);
    expect(['stop', 'stop-string']).toContain(answer.end.reason);
  });
});

describe('what is asked of a service', () => {
  const everything: Sampling = {
    temperature: 0.5,
    topK: 10,
    topP: 0.9,
    minP: 0.1,
    repetitionPenalty: 1.1,
    frequencyPenalty: 0.5,
    presencePenalty: 0.25,
    penaltyWindow: 32,
    typicalP: 0.9,
    xtcProbability: 0.5,
    mirostat: 0,
    dryMultiplier: 0.8,
    dryBreakers: ['.'],
    seed: 3,
    maxNewTokens: 20,
    stop: ['a', 'b', 'c', 'd', 'e'],
    logprobs: 2,
    ignoreEos: true,
  };

  test.each([
    [
      'vllm',
      fixtures.vllm,
      { top_k: 10, min_p: 0.1, repetition_penalty: 1.1, ignore_eos: true, max_tokens: 20 },
    ],
    [
      'llama-server',
      fixtures.llamaServer,
      {
        top_k: 10,
        repeat_penalty: 1.1,
        repeat_last_n: 32,
        typical_p: 0.9,
        xtc_probability: 0.5,
        dry_multiplier: 0.8,
        dry_sequence_breakers: ['.'],
        mirostat: undefined,
      },
    ],
    ['ollama', fixtures.ollama, { temperature: 0.5, seed: 3, top_k: undefined, logprobs: undefined }],
    ['openrouter', fixtures.openRouter, { max_tokens: 20, top_k: undefined, frequency_penalty: undefined }],
  ])('%s gets the fields it knows, and the others are told as ignored', async (_name, fixture, fields) => {
    const started = await service({
      [listPath]: json(200, fixture.models),
      [chatPath]: stream(fixture.stream),
    });
    const opened = await model({
      provider: { kind: 'openai', url: `${started.url}/v1` },
      model: fixture.model,
    });
    await ask(opened, everything);
    const { body } = started.seen.at(-1)!;
    expect(body).toMatchObject({
      model: fixture.model,
      stream: true,
      stream_options: { include_usage: true },
    });
    for (const [name, value] of Object.entries(fields)) expect(body[name]).toEqual(value);
    // Whatever is not in the capabilities is not in the request either.
    const taken: readonly string[] = opened.engine.capabilities.sampling;
    if (!taken.includes('minP')) expect(body).not.toHaveProperty('min_p');
    if (!taken.includes('ignoreEos')) expect(body).not.toHaveProperty('ignore_eos');
  });

  test('a TGI gets one text in the format of its model, and never a value that it refuses', async () => {
    const started = await service({
      'GET /info': json(200, fixtures.tgiInformation),
      'POST /generate_stream': stream(fixtures.tgiStream),
    });
    const opened = await model({ provider: { kind: 'tgi', url: started.url }, model: falcon });
    const request = chatRequest('', { temperature: 0, topK: 0, topP: 1, maxNewTokens: 9, stop: ['x'] });
    const messages = [
      { role: 'system' as const, content: 'Be brief.' },
      { role: 'user' as const, content: 'Hi' },
      { role: 'assistant' as const, content: 'Hello.' },
      { role: 'user' as const, content: 'Who are you? <|endoftext|>' },
    ];
    await answerOf(opened.engine.generate({ ...request, prompt: { kind: 'chat', messages } }));
    expect(started.seen.at(-1)?.body).toEqual({
      inputs: 'System: Be brief.\nUser: Hi\nFalcon: Hello.\nUser: Who are you? <\u200b|endoftext|>\nFalcon:',
      parameters: {
        do_sample: false,
        max_new_tokens: 9,
        stop: ['x', '\nUser:', '\nFalcon:', '<|endoftext|>'],
        return_full_text: false,
        details: true,
      },
    });
  });

  test('an open answer is prefilled where that is possible, and asked for where not', async () => {
    const messages = [
      { role: 'user' as const, content: 'Say something' },
      { role: 'assistant' as const, content: 'Once upon' },
    ];
    const prompt = { kind: 'chat' as const, messages, continueAnswer: true };
    const { engine, service: started } = await vllm(stream(fixtures.vllm.stream));
    await answerOf(engine.generate({ ...chatRequest('x'), prompt }));
    expect(started.seen.at(-1)?.body).toMatchObject({ messages, continue_final_message: true });
    const other = await service({
      [listPath]: json(200, fixtures.ollama.models),
      [chatPath]: stream(fixtures.ollama.stream),
    });
    const opened = await model({ provider: { kind: 'openai', url: other.url }, model: 'llama3.2:1b' });
    expect(opened.engine.capabilities.continueAnswer).toBe(false);
    await answerOf(opened.engine.generate({ ...chatRequest('x'), prompt }));
    const sent = other.seen.at(-1)?.body['messages'] as { role: string; content: string }[];
    expect(sent.slice(0, 2)).toEqual(messages);
    expect(sent[2]).toMatchObject({ role: 'user', content: expect.stringContaining('Continue') as string });
  });

  test('a prompt format of one’s own is refused by name where the service has its own', async () => {
    const { engine } = await vllm(stream(fixtures.vllm.stream));
    const request = chatRequest('x');
    const { end } = await answerOf(
      engine.generate({ ...request, prompt: { kind: 'chat', messages: [], format: 'alpaca' } }),
    );
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'unsupported-field' } });
    expect(end.error?.message).toContain('alpaca');
  });
});

describe('a refusal is told apart, named, and says what to do', () => {
  test.each(refusals)('$service → $code', async ({ status, body, code, kind, words }) => {
    const refuse = json(status, body, { 'retry-after': '60' });
    const started = await service({
      [listPath]: json(200, fixtures.vllm.models),
      [chatPath]: refuse,
      'GET /info': json(200, fixtures.tgiInformation),
      'POST /generate_stream': refuse,
    });
    const provider = { kind: kind ?? 'openai', url: started.url, key: 'secret-key-1' } as const;
    const opened = await model({ provider, model: 'x' });
    const { end, text } = await ask(opened);
    expect(text).toBe('');
    expect(end).toMatchObject({ reason: 'failed', error: { code } });
    expect(end.error?.message).toMatch(/^svc /);
    expect(end.error?.message).toContain(words ?? '');
    expect(end.error?.hint).toBeTruthy();
    expect(JSON.stringify(end)).not.toContain('secret-key-1');
    // Nothing that would stay as it is was asked for twice.
    expect(started.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  // A TGI answers 200 before it looks at what it was asked.
  test.each(refusals.filter(({ kind }) => kind === 'tgi'))(
    '$service, in its stream → $code',
    async ({ status, body, code, words }) => {
      const started = await service({
        'GET /info': json(200, fixtures.tgiInformation),
        'POST /generate_stream': stream(frames([body], false)),
      });
      const opened = await model({ provider: { kind: 'tgi', url: started.url }, model: 'x' });
      const { end } = await ask(opened);
      expect(end).toMatchObject({ reason: 'failed', error: { code } });
      expect(end.error?.message).toContain(words ?? '');
      if (status === 422) expect(started.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
    },
  );

  test.each([
    ['a schema of any object', { jsonSchema: { type: 'object' } }, 'properties'],
    ['more alternatives than it tells', { logprobs: 20 }, 'at most 5'],
  ])('a TGI is not asked for %s', async (_what, sampling, words) => {
    const started = await service({
      'GET /info': json(200, fixtures.tgiInformation),
      'POST /generate_stream': stream(fixtures.tgiStream),
    });
    const opened = await model({ provider: { kind: 'tgi', url: started.url }, model: 'x' });
    const { end } = await ask(opened, sampling);
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'unsupported-field' } });
    expect(end.error?.message).toContain(words);
    expect(started.seen.filter(({ method }) => method === 'POST')).toHaveLength(0);
  });

  test('Hugging Face without a provider for Falcon offers what works', async () => {
    const { status, body } = refusals.find(({ service }) => service.includes('nobody'))!;
    const started = await service({
      [listPath]: json(200, fixtures.huggingFace.models),
      [chatPath]: json(status, body),
    });
    const provider = { name: 'hf', kind: 'huggingface', url: started.url, key: 'hf_token' } as const;
    const { end } = await ask(await model({ provider, model: falcon }));
    expect(end.error?.code).toBe('provider-model-unknown');
    for (const way of [
      `corral pull ${falcon}`,
      `vllm serve ${falcon}`,
      `--model-id ${falcon}`,
      '--provider hf',
    ])
      expect(end.error?.hint).toContain(way);
  });

  test('without a key it says that one is asked for, and where to put it', async () => {
    const started = await service({ [listPath]: json(401, { error: 'Unauthorized' }) });
    const opening = model({ provider: { kind: 'openai', url: started.url }, model: 'x' });
    await expect(opening).rejects.toMatchObject({
      code: 'provider-key-refused',
      message: expect.stringContaining('none is set') as string,
      hint: expect.stringContaining('CORRAL_PROVIDER_SVC_KEY') as string,
    });
  });
});

describe('a TGI that serves another model than is asked for', () => {
  const started = (information: object): Promise<StandInService> =>
    service({ 'GET /info': json(200, { ...fixtures.tgiInformation, ...information }) });

  test('is not believed to be that one', async () => {
    const { url } = await started({ model_id: 'mistralai/Mistral-7B-Instruct-v0.3' });
    await expect(model({ provider: { kind: 'tgi', url }, model: falcon })).rejects.toMatchObject({
      code: 'provider-model-unknown',
      message: expect.stringContaining('serves mistralai/Mistral-7B-Instruct-v0.3') as string,
      hint: expect.stringContaining(`--model-id ${falcon}`) as string,
    });
  });

  test('loses the engines of the model that it served before', async () => {
    const { url, handlers } = await started({});
    const { engine, connection } = await model({ provider: { kind: 'tgi', url }, model: falcon });
    await connection.refresh();
    expect((await ask({ engine })).end.error?.code).not.toBe('engine-unavailable');
    handlers['GET /info'] = json(200, { ...fixtures.tgiInformation, model_id: 'other/model' });
    await connection.refresh();
    await engine.closed;
    expect((await ask({ engine })).end.error?.code).toBe('engine-unavailable');
  });

  test.each([
    ['a folder', { model_id: '/data/model', model_sha: null }, falcon],
    ['a folder beside it', { model_id: 'data/model', model_sha: null }, falcon],
    ['a name of one’s own', {}, 'x'],
    ['other letters', {}, 'TIIUAE/Falcon-7B-Instruct'],
  ])('%s may be it', async (_, information, name) => {
    const { url } = await started(information);
    const { engine } = await model({ provider: { kind: 'tgi', url }, model: name });
    expect(engine.describe().name).toBe(name);
  });
});

describe('bad input', () => {
  test('an address where nothing listens', async () => {
    const opening = model({ provider: { kind: 'openai', url: 'http://127.0.0.1:9' }, model: 'x' });
    await expect(opening).rejects.toMatchObject({
      code: 'provider-unreachable',
      message: expect.stringContaining('svc (127.0.0.1:9)') as string,
    });
  });

  test('a web page at the address', async () => {
    const started = await service({ [listPath]: html(200), 'GET /info': html(200) });
    for (const kind of ['openai', 'tgi', 'huggingface'] as const) {
      const opening = model({ provider: { kind, url: started.url }, model: 'x' });
      await expect(opening).rejects.toMatchObject({
        code: 'provider-answer-invalid',
        message: expect.stringContaining('a web page') as string,
        hint: expect.stringContaining('/v1') as string,
      });
    }
  });

  test('a redirect to another host is refused, and the key is not sent there', async () => {
    const elsewhere = await service({ [listPath]: json(200, fixtures.vllm.models) });
    const moved: StandInService['handlers'][string] = (request, response) => {
      response.writeHead(307, { location: `${elsewhere.url}${request.path}` }).end();
    };
    const started = await service({ [listPath]: moved });
    const provider = { kind: 'openai', url: started.url, key: 'secret-key-1' } as const;
    await expect(model({ provider, model: 'x' })).rejects.toMatchObject({ code: 'redirect-refused' });
    started.handlers[listPath] = json(200, fixtures.vllm.models);
    started.handlers[chatPath] = moved;
    for (const kind of ['openai', 'huggingface'] as const) {
      const { end } = await ask(await model({ provider: { ...provider, kind }, model: falcon }));
      expect(end).toMatchObject({ reason: 'failed', error: { code: 'redirect-refused' } });
      expect(end.error?.message).toContain('neither its key');
    }
    expect(elsewhere.seen).toEqual([]);
  });

  test.each([
    ['a page instead of a stream', html(200), 'provider-answer-invalid'],
    ['JSON instead of a stream', json(200, { choices: [] }), 'provider-answer-invalid'],
    ['a frame that is not JSON', stream('data: {"choices":[{"delta"\n\n'), 'provider-answer-invalid'],
    ['a frame that is no object', stream('data: 7\n\n'), 'provider-answer-invalid'],
    ['half a frame, then nothing', stream('data: {"choices":[{"del'), 'provider-answer-invalid'],
    ['an empty stream', stream(''), 'provider-answer-invalid'],
    ['a frame without end', stream(`data: ${'x'.repeat(5 << 20)}`), 'provider-answer-invalid'],
    [
      'an error frame',
      stream(frames([{ error: { message: 'out of memory', code: 500 } }])),
      'provider-unavailable',
    ],
  ])('%s', async (_name, chat, code) => {
    const started = await service({ [listPath]: json(200, fixtures.vllm.models), [chatPath]: chat });
    for (const kind of ['openai', 'huggingface'] as const) {
      const { end } = await ask(await model({ provider: { kind, url: started.url }, model: falcon }));
      expect(end).toMatchObject({ reason: 'failed', error: { code } });
      expect(end.error?.message).toContain('svc');
    }
  });

  test('a stream that does not end is cut, with its text kept', async () => {
    const endless = stream(frames([{ choices: [{ delta: { content: 'and on ' } }] }], false), { end: false });
    const { service: started, ...opened } = await vllm(async (request, response) => {
      await endless(request, response);
      const timer = setInterval(
        () => response.write(frames([{ choices: [{ delta: { content: 'and on '.repeat(200) } }] }], false)),
        1,
      );
      response.once('close', () => clearInterval(timer));
    });
    const { end, text } = await ask(opened, { maxNewTokens: 10 });
    expect(text).toContain('and on and on');
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'provider-answer-invalid' } });
    await expect.poll(() => started.seen.at(-1)?.wasClosed).toBe(true);
  });

  test('a list that is none, and names that are none', async () => {
    const started = await service({ [listPath]: json(200, { models: {} }) });
    const opening = model({ provider: { kind: 'openai', url: started.url }, model: 'x' });
    await expect(opening).rejects.toMatchObject({ code: 'provider-answer-invalid' });
    started.handlers[listPath] = json(200, { data: [{ id: 'a b' }, { id: 7 }, null, { id: 'good' }, {}] });
    const { connection } = await model({ provider: { kind: 'openai', url: started.url }, model: 'x' });
    expect(connection.known?.models.map(({ id }) => id)).toEqual(['good']);
  });
});
