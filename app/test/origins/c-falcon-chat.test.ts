/**
 * Origin C, the Falcon chat over an API: a TGI that asks for a key, which stands in `.env` with the port; system message,
 * history and message in one prompt; streamed; temperature; Clear. The TGI is a second Corral with Falcon's layout.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createParser } from 'eventsource-parser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../src/contracts/runs.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { nativeClient, type NativeClient } from '../fixtures/native-client.ts';
import { freePort, startProgram, type Program } from '../program.ts';
import { prepareOrigin, type Origin } from './origin-server.ts';
import { recordRequests, type RecordedRequests } from './recorded-requests.ts';

const model = 'tiiuae/falcon-7b-instruct';
const key = 'the-key-of-the-falcon-service';
const system = 'You are brief.';
let weights: string;
/** Who answers, and who asks. */
let service: Origin;
let origin: Origin;
let program: Program;
let corral: NativeClient;
let address: string;
/** Prompts as they went over the wire, newest last. */
let asked: RecordedRequests;

beforeAll(async () => {
  weights = mkdtempSync(join(tmpdir(), 'corral-origin-c-'));
  await writeTinyRepository(weights, {
    architecture: 'falcon-7b',
    dtype: 'f16',
    contextTokens: 2048,
    sharpness: 10,
  });
  const repositories = [{ id: model, folder: weights, licence: 'apache-2.0' }];
  service = await prepareOrigin({ hub: { repositories }, environment: { CORRAL_MODEL: `${model}:f16` } });
  expect(await service.corral('pull', `${model}:f16`)).toMatchObject({ code: 0 });
  service.writeDotenv({ CORRAL_ACCESS_KEY: key });
  const started = await service.start();
  asked = await recordRequests(started.address);
  origin = await prepareOrigin({ hub: { repositories } });
  const port = await freePort();
  origin.writeDotenv({
    PORT: String(port),
    CORRAL_MODEL: `falcon:${model}`,
    CORRAL_PROVIDER_FALCON_URL: asked.url,
    CORRAL_PROVIDER_FALCON_KIND: 'tgi',
    CORRAL_PROVIDER_FALCON_KEY: key,
  });
  address = `http://127.0.0.1:${port}`;
  program = startProgram(['serve'], { environment: origin.environment });
  while (!program.output().includes(address)) await new Promise((resolve) => setTimeout(resolve, 100));
  corral = nativeClient(address);
}, 300_000);
afterAll(async () => {
  program.process.kill('SIGTERM');
  await program.ended;
  await origin.close();
  await asked.close();
  await service.close();
  rmSync(weights, { recursive: true, force: true });
});

/** The last prompt of a chat: the service is also asked for titles, whenever there is time. */
const lastPrompt = (): string => asked.prompts().findLast((prompt) => prompt.startsWith('System: ')) ?? '';

test('system message, history and message are one prompt in Falcon’s format', async () => {
  const chat = await corral.newChat({
    systemPrompt: system,
    sampling: { maxNewTokens: 12, temperature: 0.5 },
  });
  await corral.ask(chat, 'What is a falcon?');
  expect(lastPrompt()).toBe(`System: ${system}\nUser: What is a falcon?\nFalcon:`);
  const second = await corral.ask(chat, 'And a llama?');
  const prompt = lastPrompt();
  expect(prompt.startsWith(`System: ${system}\nUser: What is a falcon?\nFalcon:`)).toBe(true);
  expect(prompt.endsWith('\nUser: And a llama?\nFalcon:')).toBe(true);
  expect(asked.keys()).toEqual([`Bearer ${key}`]);
  expect(second.receipt.sampling.temperature).toBe(0.5);
  expect(second.receipt.model).toMatchObject({ reference: `falcon:${model}` });
});

test('the answer streams into the chat', async () => {
  const chat = await corral.newChat({
    sampling: { maxNewTokens: 1800, ignoreEos: true, temperature: 1, seed: 7 },
  });
  const { runId } = await corral.start(chat, 'Tell me a story.');
  const events: RunEvent[] = [];
  const parser = createParser({ onEvent: ({ data }) => events.push(JSON.parse(data) as RunEvent) });
  const answer = await fetch(`${address}/api/runs/${runId}/events?from=0`);
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? [])
    parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
  const texts = events.flatMap((event) => (event.type === 'text' ? [event.text] : []));
  expect(texts.length).toBeGreaterThan(1);
  const { messages } = await corral.open(chat);
  expect(texts.join('')).toBe(messages.at(-1)?.content);
});

test('the key is shown nowhere', async () => {
  for (const path of ['/api/system', '/api/providers', '/api/models'])
    expect(await (await fetch(address + path)).text()).not.toContain(key);
  expect((await origin.corral('config')).stdout).not.toContain(key);
});

test('Clear: the chat stays, and Falcon has forgotten', async () => {
  const chat = await corral.newChat({ systemPrompt: system, sampling: { maxNewTokens: 8 } });
  await corral.ask(chat, 'My name is Ada.');
  await corral.call('POST', `/api/chats/${chat}/clear`);
  await corral.ask(chat, 'What is my name?');
  expect(lastPrompt()).toBe(`System: ${system}\nUser: What is my name?\nFalcon:`);
});
