/**
 * Origin A, the Llama-2 chatbot: a gated model with a token, a `User: / Assistant:` transcript, at most 512 new tokens,
 * only the assistant's part, a page with a title and a description and no flagging, and a stateless call.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@gradio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answered, buildPage, launch, openPage, say } from '../browser/open-page.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { prepareOrigin, type Origin, type StartedOrigin } from './origin-server.ts';

const model = 'meta-llama/Llama-2-7b-chat-hf';
const token = 'hf_accepted_the_licence';
const patient = { timeout: 20_000 };
const greeting = 'Hello, who are you?';
let weights: string;
let origin: Origin;
let corral: StartedOrigin;

beforeAll(async () => {
  weights = mkdtempSync(join(tmpdir(), 'corral-origin-a-'));
  await writeTinyRepository(weights, { dtype: 'f16', contextTokens: 4096, sharpness: 30 });
  await buildPage();
  origin = await prepareOrigin({
    hub: {
      tokens: [token, 'hf_not_granted'],
      repositories: [{ id: model, folder: weights, gated: 'manual', granted: [token], licence: 'llama2' }],
    },
    environment: {
      CORRAL_MODEL: `${model}:f16`,
      CORRAL_FORMAT: 'transcript',
      CORRAL_TITLE: 'Llama-2 chatbot',
      CORRAL_DESCRIPTION: 'Ask it something.',
    },
  });
}, 300_000);
afterAll(async () => {
  await origin.close();
  rmSync(weights, { recursive: true, force: true });
});

test('without a granted token the gate is told before any weight is fetched', async () => {
  const weightRequests = () => origin.hub.requests.filter((request) => request.origin === 'store').length;
  for (const wrong of [null, 'hf_not_granted']) {
    origin.writeDotenv(wrong === null ? {} : { HF_TOKEN: wrong });
    const refused = await origin.corral('pull', `${model}:f16`);
    expect(refused.code).toBe(77);
    expect(refused.stderr).toContain(model);
    expect(refused.stderr).toMatch(/accept/);
  }
  expect(weightRequests()).toBe(0);
});

test('the token of .env opens it; the store of the weights never sees the token', async () => {
  origin.writeDotenv({ HF_TOKEN: token });
  const pulled = await origin.corral('pull', `${model}:f16`);
  expect(pulled).toMatchObject({ code: 0 });
  const seen = (from: 'hub' | 'store') =>
    origin.hub.requests.filter((request) => request.origin === from && request.headers.authorization);
  expect(seen('hub').length).toBeGreaterThan(0);
  expect(seen('store')).toEqual([]);
  corral = await origin.start();
});

test('the prompt is the transcript of history and message; only the assistant’s part comes back', async () => {
  const chat = await corral.newChat({ sampling: { seed: 7, maxNewTokens: 24 } });
  const first = await corral.ask(chat, greeting);
  const prompt = await corral.prompt(first.run.id);
  expect(prompt).toMatchObject({ text: `<s>User: ${greeting}\nAssistant:`, matches: true });
  expect(first.answer.role).toBe('assistant');
  expect(first.answer.content).not.toContain(greeting);
  expect(first.answer.content).not.toMatch(/(?:User|Assistant):/);
  const second = await corral.ask(chat, 'And what else?');
  expect((await corral.prompt(second.run.id)).text).toBe(
    `<s>User: ${greeting}\nAssistant: ${first.answer.content.trim()}\nUser: And what else?\nAssistant:`,
  );
});

test('an answer has at most 512 new tokens where nobody says otherwise', async () => {
  const chat = await corral.newChat({ sampling: { seed: 1, ignoreEos: true } });
  const { answer, receipt, run } = await corral.ask(chat, greeting);
  expect(receipt.sampling.maxNewTokens).toBe(512);
  expect([run.endReason, receipt.usage?.completionTokens]).toEqual(['length', 512]);
  expect(answer.state).toBe('length');
});

test('the page: title, description, no thumbs, transcript as the format, answered', async () => {
  const browser = await launch();
  try {
    const { page, problems } = await openPage(browser, corral.address);
    await expect.poll(() => page.title(), patient).toBe('Llama-2 chatbot');
    expect(await page.getByRole('heading', { name: 'Llama-2 chatbot' }).isVisible()).toBe(true);
    expect(await page.getByText('Ask it something.').isVisible()).toBe(true);
    await page.locator('[data-panel-toggle]').click();
    await expect.poll(() => page.getByLabel('Prompt format').inputValue(), patient).toBe('transcript');
    await page.getByLabel('Max new tokens').last().fill('16');
    await say(page, greeting);
    await answered(page);
    expect(await page.getByRole('button', { name: 'Good answer' }).count()).toBe(0);
    await page.locator('.message--answer').getByRole('button', { name: 'Receipt' }).click();
    const sheet = page.getByRole('dialog', { name: 'Receipt' });
    await sheet.getByRole('button', { name: 'Prompt as the model read it' }).click();
    await expect
      .poll(() => sheet.locator('.source').innerText(), patient)
      .toContain(`User: ${greeting}\nAssistant:`);
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
  }
});

test('a Gradio client: stateless with the history it brings, or with the session’s state', async () => {
  const client = await Client.connect(corral.address);
  expect(client.config).toMatchObject({ title: 'Llama-2 chatbot' });
  const predict = async (endpoint: string, data: Record<string, unknown>): Promise<string> =>
    ((await client.predict(endpoint, data)).data as string[])[0] ?? '';
  const stateless = (message: string, history: string[][]): Promise<string> =>
    predict('/chat', { message, history, temperature: 0, max_new_tokens: 12 });
  const alone = await stateless(greeting, []);
  const second = await stateless('And then?', [[greeting, alone]]);
  // Whatever was asked in between, the same history gives the same answer.
  expect(await stateless(greeting, [])).toBe(alone);
  expect(await stateless('And then?', [[greeting, alone]])).toBe(second);
  // Text and state: the session holds the history, and the prompt grows by what was said.
  const read = await promptTokens();
  const first = await predict('/predict', { message: greeting });
  const afterFirst = await promptTokens();
  await predict('/predict', { message: 'And then?' });
  expect((await promptTokens()) - afterFirst).toBeGreaterThan(afterFirst - read);
  expect(first).not.toMatch(/(?:User|Assistant):/);
  client.close();
  // The same exchange through a chat, whose prompt can be seen.
  const chat = await corral.newChat({ sampling: { temperature: 0, maxNewTokens: 12 } });
  expect((await corral.ask(chat, greeting)).answer.content).toBe(alone);
  const said = await corral.ask(chat, 'And then?');
  expect((await corral.prompt(said.run.id)).text).toContain(`User: ${greeting}\nAssistant:`);
});

async function promptTokens(): Promise<number> {
  const text = await (await fetch(`${corral.address}/metrics`)).text();
  return Number(/corral_tokens_total\{kind="prompt"\} (\d+)/.exec(text)?.[1] ?? 0);
}
