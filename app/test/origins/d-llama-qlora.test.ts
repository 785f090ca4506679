/**
 * Origin D, LLaMA-7B with the guanaco adapter: merged, in 4 bits and in bf16; four parameters changed between two
 * messages; stop token ids; memory of what was said; Clear; every turn POSTed to LOGGING_URL.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLogSink, type LogSink } from '../fixtures/log-sink.ts';
import { writeTinyAdapter } from '../fixtures/models/tiny-adapter.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { prepareOrigin, type Origin, type StartedOrigin } from './origin-server.ts';

const base = 'huggyllama/llama-7b';
const merged = `${base}+timdettmers/guanaco-7b`;
const guanaco =
  '<s>A chat between a curious human and an artificial intelligence assistant. ' +
  "The assistant gives helpful, detailed, and polite answers to the user's questions.\n";
const greedy = { temperature: 0, maxNewTokens: 24 };
let folder: string;
let origin: Origin;
let corral: StartedOrigin;
let sink: LogSink;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-origin-d-'));
  const shape = { width: 256, dtype: 'f16' as const, contextTokens: 2048, sharpness: 30 };
  const repository = await writeTinyRepository(join(folder, 'base'), shape);
  await writeTinyAdapter(join(folder, 'adapter'), repository, { base, file: 'bin', rank: 8, dtype: 'f16' });
  sink = await openLogSink();
  origin = await prepareOrigin({
    hub: {
      repositories: [
        { id: base, folder: join(folder, 'base') },
        { id: 'timdettmers/guanaco-7b', folder: join(folder, 'adapter') },
      ],
    },
    // How many threads attend decides how the library rounds, and this random model's odds turn on less.
    environment: { LOGGING_URL: sink.url, CORRAL_MODEL: `${merged}:q4_k_m`, CORRAL_THREADS: '1' },
  });
  corral = await origin.start();
}, 300_000);
afterAll(async () => {
  await origin.close();
  await sink.close();
  rmSync(folder, { recursive: true, force: true });
});

test('one line pulls base and .bin adapter, merges and quantises: to 4 bits and to bf16', async () => {
  for (const quantisation of ['q4_k_m', 'bf16']) {
    const pulled = await origin.corral('pull', `${merged}:${quantisation}`);
    expect(pulled).toMatchObject({ code: 0 });
    expect(pulled.stdout).toContain(`${merged}:${quantisation} is ready`);
    const shown = await corral.call<{ record: { quantisation: string; merged: unknown[] } }>(
      'GET',
      `/api/models/${encodeURIComponent(`${merged}:${quantisation}`)}`,
    );
    expect(shown.record).toMatchObject({ quantisation, merged: [{}] });
  }
});

test('the adapter is in the merged weights', async () => {
  await corral.pull(`${base}:bf16`);
  const answers = [];
  for (const model of [`${base}:bf16`, `${merged}:bf16`, `${merged}:q4_k_m`]) {
    const chat = await corral.newChat({ model, format: 'guanaco', sampling: greedy });
    answers.push((await corral.ask(chat, 'What is a llama?')).answer.content);
  }
  expect(new Set(answers).size).toBe(3);
  for (const answer of answers) expect(answer).not.toBe('');
});

test('four parameters change between two messages; the history is kept; each turn is POSTed as it was', async () => {
  const chat = await corral.newChat({ sampling: { maxNewTokens: 10, seed: 3 } });
  const before = { temperature: 0.7, topK: 50, topP: 0.9, repetitionPenalty: 1.1 };
  const after = { temperature: 0.2, topK: 5, topP: 0.5, repetitionPenalty: 1.3 };
  const turns = [];
  for (const [content, changed] of [
    ['What is a llama?', before],
    ['And an alpaca?', after],
  ] as const) {
    await corral.call('PATCH', `/api/chats/${chat}`, {
      settings: { sampling: { maxNewTokens: 10, seed: 3, ...changed } },
    });
    turns.push(await corral.ask(chat, content));
  }
  expect(turns[0]?.receipt.sampling).toMatchObject(before);
  expect(turns[1]?.receipt.sampling).toMatchObject(after);
  const [first, second] = turns.map(({ answer }) => answer.content) as [string, string];
  const { text } = await corral.prompt(turns[1]?.run.id ?? '');
  expect(text.startsWith(`${guanaco}### Human: What is a llama?\n### Assistant: ${first.trim()}`)).toBe(true);
  expect(text.endsWith('\n### Human: And an alpaca?\n### Assistant:')).toBe(true);
  const logged = () =>
    sink.received
      .map(({ body }) => JSON.parse(body) as Record<string, unknown>)
      .filter((body) => body['conversation_id'] === chat);
  await expect.poll(() => logged().length, { timeout: 20_000 }).toBe(2);
  const messages = [
    { role: 'user', content: 'What is a llama?' },
    { role: 'assistant', content: first },
    { role: 'user', content: 'And an alpaca?' },
    { role: 'assistant', content: second },
  ];
  expect(logged()).toMatchObject([
    {
      messages: messages.slice(0, 2),
      parameters: { temperature: 0.7, top_k: 50, top_p: 0.9, repetition_penalty: 1.1 },
    },
    { messages, parameters: { temperature: 0.2, top_k: 5, top_p: 0.5, repetition_penalty: 1.3 } },
  ]);
  for (const { timestamp } of logged()) expect(Date.parse(String(timestamp))).toBeGreaterThan(0);
});

test('an answer ends before a given token id', async () => {
  const chat = await corral.newChat({ sampling: greedy });
  const whole = await corral.ask(chat, 'What is a llama?');
  const { text } = await corral.prompt(whole.run.id);
  // The ids of the same greedy answer, as the raw endpoint tells them; the tokenizer adds <s> by itself.
  const { details } = await corral.call<{ details: { tokens: { id: number; text: string }[] } }>(
    'POST',
    '/generate',
    {
      inputs: text.replace(/^<s>/, ''),
      parameters: { details: true, max_new_tokens: 24, do_sample: false },
    },
  );
  const ids = details.tokens.map(({ id }) => id);
  const stopId = ids[5] ?? -1;
  const stopped = await corral.ask(await corral.newChat(), 'What is a llama?', {
    sampling: { ...greedy, stopTokenIds: [stopId] },
  });
  expect(stopped.run.endReason).toBe('stop-token');
  expect(stopped.receipt.stopString).toBeNull();
  expect(stopped.receipt.sampling.stopTokenIds).toEqual([stopId]);
  expect(stopped.answer.content.length).toBeLessThan(whole.answer.content.length);
  expect(whole.answer.content.startsWith(stopped.answer.content.trimEnd())).toBe(true);
});

test('Clear: the chat stays, and the model has forgotten', async () => {
  const chat = await corral.newChat({ sampling: greedy });
  await corral.ask(chat, 'My name is Ada.');
  await corral.call('POST', `/api/chats/${chat}/clear`);
  expect((await corral.open(chat)).messages).toEqual([]);
  const { run } = await corral.ask(chat, 'What is my name?');
  expect((await corral.prompt(run.id)).text).toBe(`${guanaco}### Human: What is my name?\n### Assistant:`);
});

test('without LOGGING_URL nothing is kept for sending', async () => {
  await corral.server.stop();
  origin.without('LOGGING_URL');
  corral = await origin.start();
  const before = sink.received.length;
  await corral.ask(await corral.newChat({ sampling: greedy }), 'Between us.');
  expect(await corral.call('GET', '/api/log')).toMatchObject({ mode: 'off', pending: 0 });
  expect(sink.received).toHaveLength(before);
});
