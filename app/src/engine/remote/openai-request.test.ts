import { describe, expect, test } from 'vitest';
import type { Sampling } from '../../contracts/sampling.ts';
import { chatRequest } from '../contract/answers.ts';
import { fieldsFor, flavourOf } from './flavours.ts';
import { commonParts } from './openai-dialect.ts';
import { chatBody, type RequestParts } from './openai-request.ts';
import type { RemoteProvider } from './remote-provider.ts';

/** What is known of a model of a service that gives itself away by its address, or by whom its models belong to. */
function partsOf(model: string, service: { host?: string; ownedBy?: string }): RequestParts {
  const provider: RemoteProvider = {
    name: 'svc',
    kind: 'openai',
    url: `https://${service.host ?? 'gpu.example.lan'}/v1`,
    key: '',
    from: 'environment',
    keyProblem: null,
  };
  const ownedBy = service.ownedBy ?? '';
  const flavour = flavourOf(provider, [{ id: model, contextTokens: null, ownedBy, parameters: null }]);
  return { provider, model, flavour, fields: fieldsFor(flavour, model, null) };
}

function bodyOf(parts: RequestParts, sampling: Sampling): Record<string, unknown> {
  const request = chatRequest('Hello', sampling);
  if (request.prompt.kind !== 'chat') throw new Error('no chat');
  return chatBody(parts, request, request.prompt);
}

describe('models of OpenAI', () => {
  const sampling: Sampling = {
    temperature: 0.7,
    topP: 0.95,
    frequencyPenalty: 0.5,
    presencePenalty: 0.5,
    logprobs: 2,
    logitBias: { '7': 1 },
    stop: ['END'],
    seed: 3,
    maxNewTokens: 20,
    jsonSchema: true,
  };
  const allFields = [
    'temperature',
    'top_p',
    'frequency_penalty',
    'presence_penalty',
    'logprobs',
    'logit_bias',
    'stop',
  ];
  const sentTo = (model: string): Record<string, unknown> =>
    bodyOf(partsOf(model, { host: 'api.openai.com' }), sampling);

  test.each(['gpt-5', 'gpt-5-mini-2025-08-07', 'gpt-5.2', 'o1', 'o3-pro', 'o4-mini', 'ft:o4-mini:us::1'])(
    '%s reasons, and is not sent what it refuses',
    (model) => {
      const body = sentTo(model);
      for (const field of allFields) expect(body).not.toHaveProperty(field);
      // Its thoughts, which nobody sees, are counted as part of the answer.
      expect(body).toMatchObject({ seed: 3, max_completion_tokens: 25_020 });
      expect(body).toHaveProperty('response_format');
      expect(body).not.toHaveProperty('max_tokens');
    },
  );

  test.each(['gpt-4o', 'gpt-5-chat-latest', 'gpt-5.2-chat-latest', 'omni-1'])('%s is sent all', (model) => {
    const body = sentTo(model);
    for (const field of allFields) expect(body).toHaveProperty(field);
    expect(body).toMatchObject({ max_completion_tokens: 20 });
  });

  test.each([
    ['gpt-5', false],
    ['gpt-4o', true],
  ])('whether %s ends an answer by its length: %s', (model, expected) => {
    const parts = partsOf(model, { host: 'api.openai.com' });
    const { endsByLength } = commonParts(parts, null, () => {
      throw new Error('nothing is counted here');
    });
    expect(endsByLength).toBe(expected);
  });

  test('what is not sent is told as ignored, but stop strings, which are found here', () => {
    const parts = partsOf('gpt-5', { host: 'api.openai.com' });
    const { sampling: used } = commonParts(parts, null, () => {
      throw new Error('nothing is counted here');
    });
    const ignored = Object.keys(sampling).filter((name) => !(used as readonly string[]).includes(name));
    expect(ignored).toEqual([
      'temperature',
      'topP',
      'frequencyPenalty',
      'presencePenalty',
      'logprobs',
      'logitBias',
    ]);
  });
});

test('Mistral refuses unknown fields: it gets its own name for the seed, and is not asked for the usage', () => {
  const parts = partsOf('magistral-small-latest', { host: 'api.mistral.ai' });
  const body = bodyOf(parts, { seed: 3, temperature: 0.7, topP: 0.9, maxNewTokens: 20, stop: ['END'] });
  expect(body).toEqual({
    model: 'magistral-small-latest',
    messages: [{ role: 'user', content: 'Hello' }],
    stream: true,
    random_seed: 3,
    temperature: 0.7,
    top_p: 0.9,
    max_tokens: 20,
    stop: ['END'],
  });
});

describe('JSON', () => {
  const formatOf = (jsonSchema: Sampling['jsonSchema'], service: Parameters<typeof partsOf>[1] = {}) =>
    bodyOf(partsOf('some-model', service), { jsonSchema })['response_format'];
  const name = { type: 'string' };
  const closed = { type: 'object', additionalProperties: false };
  const person = { ...closed, properties: { name }, required: ['name'] };

  test.each([true, {}, { type: 'object' }])(
    'of any form (%j) is asked for as every service knows it',
    (schema) => {
      expect(formatOf(schema)).toEqual({ type: 'json_object' });
      expect(formatOf(schema, { host: 'api.openai.com' })).toEqual({ type: 'json_object' });
      // LM Studio answers 400 to it.
      expect(formatOf(schema, { ownedBy: 'organization_owner' })).toEqual({
        type: 'json_schema',
        json_schema: { name: 'answer', schema: { type: 'object' } },
      });
    },
  );

  test.each([
    ['an object that is closed', person],
    [
      'lists and references of them',
      {
        ...closed,
        properties: { all: { type: 'array', items: { $ref: '#/$defs/a' } } },
        required: ['all'],
        $defs: { a: person },
      },
    ],
    [
      'one that may be absent by being null',
      { ...closed, properties: { who: { anyOf: [person, { type: 'null' }] } }, required: ['who'] },
    ],
  ])('in the strict form: %s', (_, schema) => {
    expect(formatOf(schema)).toEqual({
      type: 'json_schema',
      json_schema: { name: 'answer', strict: true, schema },
    });
  });

  test.each([
    ['a property that may be absent', { ...person, required: [] }],
    ['an object that is open', { type: 'object', properties: { name }, required: ['name'] }],
    ['an open one inside', { ...closed, properties: { who: { type: 'object' } }, required: ['who'] }],
    [
      'an open one among several',
      {
        ...closed,
        properties: { who: { anyOf: [person, { type: ['object', 'null'] }] } },
        required: ['who'],
      },
    ],
    ['an open one that is referred to', { ...person, $defs: { a: { properties: { name } } } }],
    ['a keyword that OpenAI refuses', { ...person, allOf: [person] }],
    ['a list', { type: 'array', items: name }],
  ])('not in the strict form: %s', (_, schema) => {
    expect(formatOf(schema)).toEqual({ type: 'json_schema', json_schema: { name: 'answer', schema } });
  });
});

describe('settings that are off', () => {
  const sampling: Sampling = { topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, presencePenalty: 0 };
  const llamaCpp = { top_k: 0, top_p: 1, min_p: 0, repeat_penalty: 1 };
  const transformers = { top_k: -1, top_p: 1, min_p: 0, repetition_penalty: 1 };

  test.each([
    ['vLLM', { ownedBy: 'vllm' }, transformers],
    ['SGLang', { ownedBy: 'sglang' }, transformers],
    ['llama-server', { ownedBy: 'llamacpp' }, llamaCpp],
    ['Corral', { ownedBy: 'corral' }, llamaCpp],
    ['LM Studio', { ownedBy: 'organization_owner' }, { top_k: 0, top_p: 1, repeat_penalty: 1 }],
    ['OpenRouter', { host: 'openrouter.ai' }, { top_k: 0 }],
    ['Ollama', { ownedBy: 'library' }, {}],
    ['OpenAI', { host: 'api.openai.com' }, {}],
    ['a program that nobody knows', {}, {}],
  ])('%s is told so where it has a default of its own', (_name, service, expected) => {
    const body = bodyOf(partsOf('some-model', service), sampling);
    const names = Object.keys(body).filter((name) => /^(top|min)_|penalty/u.test(name));
    expect(Object.fromEntries(names.map((name) => [name, body[name]]))).toEqual(expected);
  });

  test('a top-k that is on is sent as it is', () => {
    expect(bodyOf(partsOf('some-model', { ownedBy: 'sglang' }), { topK: 5 })).toMatchObject({ top_k: 5 });
  });
});
