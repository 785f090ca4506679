import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@gradio/client';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openParts } from '../../src/compose/open-parts.ts';
import type { Parts } from '../../src/compose/parts.ts';
import { prepareHome } from '../../src/config/home.ts';
import { loadConfig } from '../../src/config/load-config.ts';

/** The whole program as `corral serve` composes it, with the bundled model and the real engine. */

let parts: Parts;
let address: string;
const folder = mkdtempSync(join(tmpdir(), 'corral-real-'));

beforeAll(async () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const environment = {
    CORRAL_HOME: folder,
    CORRAL_TEST_SETTINGS: folder,
    PORT: '0',
    HF_HUB_OFFLINE: 'true',
    CORRAL_LOG_LEVEL: 'silent',
  };
  const config = loadConfig({ root, environment });
  const home = prepareHome(config.home);
  parts = await openParts({ config, home, version: '0.0.0-test', logLevel: config.logLevel });
  await parts.start();
  address = await parts.server.listen();
});
afterAll(async () => {
  await parts.close();
  rmSync(folder, { recursive: true, force: true });
});

const client = (): OpenAI => new OpenAI({ baseURL: `${address}/v1`, apiKey: 'none', maxRetries: 0 });
const messages = [{ role: 'user' as const, content: 'Hello, who are you?' }];

test('Cria answers rightly: who it is, what it was told, how Corral starts', async () => {
  const ask = async (...said: string[]): Promise<string> => {
    const talk = said.map((content, index) => {
      return index % 2 === 0 ? { role: 'user' as const, content } : { role: 'assistant' as const, content };
    });
    const request = { model: 'cria', messages: talk, temperature: 0, max_tokens: 120 };
    const answer = await client().chat.completions.create(request);
    return answer.choices[0]?.message.content ?? '';
  };
  expect(await ask('What is your name?')).toContain('Cria');
  expect(await ask('How do I start Corral?')).toContain('npm start');
  expect(await ask('Which port does Corral use?')).toContain('7860');
  const told = ['My favourite number is 42.', 'Good to know!', 'What is my favourite number?'];
  expect(await ask(...told)).toContain('42');
});

test('the same seed gives the same answer, whole and streamed, with exact usage', async () => {
  const request = { model: 'cria', messages, seed: 11, max_tokens: 24, temperature: 0.7 };
  const whole = await client().chat.completions.create(request);
  expect(whole.usage?.completion_tokens).toBeLessThanOrEqual(24);
  expect(whole.usage?.prompt_tokens).toBeGreaterThan(4);
  let text = '';
  const stream = await client().chat.completions.create({ ...request, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe(whole.choices[0]?.message.content);
});

test('every system message is read, wherever it stands', async () => {
  const system = { role: 'system' as const, content: 'Speak of llamas and of nothing else.' };
  const developer = { role: 'developer' as const, content: 'Answer in one short sentence.' };
  const lengthOf = async (...said: OpenAI.ChatCompletionMessageParam[]): Promise<number> => {
    const request = { model: 'cria', messages: said, max_tokens: 1 };
    return (await client().chat.completions.create(request)).usage?.prompt_tokens ?? 0;
  };
  const one = await lengthOf(system, ...messages);
  const both = await lengthOf(system, developer, ...messages);
  expect(both).toBeGreaterThan(one);
  expect(await lengthOf(...messages)).toBeLessThan(one);
  expect(await lengthOf(...messages, system)).toBe(one);
  expect(await lengthOf(system, ...messages, developer)).toBe(both);
  await expect(lengthOf(system)).rejects.toMatchObject({ status: 422, code: 'template_failed' });
});

test('a schema binds the answer', async () => {
  const schema = {
    type: 'object',
    properties: { mood: { enum: ['calm', 'wild'] } },
    required: ['mood'],
    additionalProperties: false,
  };
  const answer = await client().chat.completions.create({
    model: 'cria',
    messages,
    max_tokens: 60,
    response_format: { type: 'json_schema', json_schema: { name: 'mood', schema } },
  });
  expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({
    mood: expect.stringMatching(/^(calm|wild)$/) as unknown,
  });
});

test.each([
  ['grammar', { grammar: 'root ::= (' }],
  ['response_format', { response_format: { type: 'json_object', schema: { type: 'strin' } } }],
])('what is wrong in %s is told by that name, in whole sentences', async (param, wrong) => {
  const request = { model: 'cria', messages, ...wrong } as never;
  const error: unknown = await client()
    .chat.completions.create(request)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ status: 400, param });
  expect((error as Error).message).not.toContain('..');
});

test('a bias of -100 bans a token; log-probabilities name what was drawn', async () => {
  const request = { model: 'cria', messages, temperature: 0, max_tokens: 1, logprobs: true, top_logprobs: 2 };
  const free = await client().chat.completions.create(request);
  const drawn = free.choices[0]?.logprobs?.content?.[0];
  expect(drawn?.logprob).toBeLessThanOrEqual(0);
  const ids = await (
    await fetch(`${address}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: 'Hello', parameters: { details: true, max_new_tokens: 1 } }),
    })
  ).json();
  const id = (ids as { details: { tokens: { id: number }[] } }).details.tokens[0]!.id;
  const banned = await client().completions.create({
    model: 'cria',
    prompt: 'Hello',
    temperature: 0,
    max_tokens: 1,
    logprobs: 1,
    logit_bias: { [id]: -100 },
  });
  const open = await client().completions.create({
    model: 'cria',
    prompt: 'Hello',
    temperature: 0,
    max_tokens: 1,
    logprobs: 1,
  });
  expect(banned.choices[0]?.logprobs?.token_logprobs).not.toEqual(open.choices[0]?.logprobs?.token_logprobs);
});

test.each(['Hello there, herd', 'Hello 🙂 there', '  two blanks ▁ �� 🦙', '</s>after', '', ' '])(
  'tokens of %j lie end to end in it, the special ones around it have no length',
  async (inputs) => {
    for (const add_special_tokens of [true, false]) {
      const answer = await fetch(`${address}/tokenize`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ inputs, add_special_tokens }),
      });
      const tokens = (await answer.json()) as { text: string; start: number; stop: number }[];
      if (add_special_tokens) expect(tokens.shift()).toMatchObject({ text: '<s>', start: 0, stop: 0 });
      expect(tokens.map(({ text }) => text).join('')).toBe(inputs);
      const characters = Array.from(inputs);
      for (const [index, { text, start, stop }] of tokens.entries()) {
        expect(start).toBe(tokens[index - 1]?.stop ?? 0);
        expect(characters.slice(start, stop).join('')).toBe(text);
      }
      expect(tokens.at(-1)?.stop ?? 0).toBe(characters.length);
    }
  },
);

test('a prompt that cannot fit is refused with the counts', async () => {
  const long = [{ role: 'user' as const, content: 'herd '.repeat(20_000) }];
  await expect(client().chat.completions.create({ model: 'cria', messages: long })).rejects.toMatchObject({
    status: 400,
    code: 'context_length_exceeded',
  });
});

test('Gradio’s client gets an answer', async () => {
  const gradio = await Client.connect(address);
  const { data } = await gradio.predict('/chat', { message: 'Hello', max_new_tokens: 8 });
  expect(typeof (data as string[])[0]).toBe('string');
  gradio.close();
});
