/**
 * Origin B, Llama-2 with sessions: half precision, the `[INST]` format with a system prompt over all earlier exchanges,
 * sessions in `chat_history.json`, chosen from a list, continued after a restart, and a limit on how many are remembered.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Chat } from '../../src/contracts/chats.ts';
import { answered, buildPage, launch, openPage, say } from '../browser/open-page.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { prepareOrigin, type Origin, type StartedOrigin } from './origin-server.ts';

const model = 'meta-llama/Llama-2-7b-chat-hf';
const history = {
  'session-1': [
    { role: 'user', content: 'Where does the river come from?' },
    { role: 'assistant', content: 'From the hill behind the village.' },
    { role: 'user', content: 'And where does it go?' },
    { role: 'assistant', content: 'South, like the birds.' },
  ],
  'session-2': [
    { role: 'user', content: 'Say one word.' },
    { role: 'assistant', content: 'Wool.' },
  ],
};
const systemPrompt = 'You are brief.';
let folder: string;
let origin: Origin;
let corral: StartedOrigin;
/** What the test adds to the first session, as the file has to hold it in the end. */
const said: { role: string; content: string }[] = [...history['session-1']];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-origin-b-'));
  await writeTinyRepository(join(folder, 'weights'), { dtype: 'f16', contextTokens: 2048, sharpness: 30 });
  writeFileSync(join(folder, 'chat_history.json'), JSON.stringify(history, null, 2));
  await buildPage();
  origin = await prepareOrigin({
    hub: { repositories: [{ id: model, folder: join(folder, 'weights'), licence: 'llama2' }] },
    environment: { CORRAL_MODEL: `${model}:f16` },
  });
}, 300_000);
afterAll(async () => {
  await origin.close();
  rmSync(folder, { recursive: true, force: true });
});

async function session(title: string): Promise<Chat> {
  const { chats } = await corral.call<{ chats: Chat[] }>('GET', '/api/chats');
  const found = chats.find((chat) => chat.title === title);
  if (!found) throw new Error(`${title} is not in the list`);
  return found;
}

const settings = { systemPrompt, sampling: { temperature: 0, maxNewTokens: 12, ignoreEos: true } };

test('chat_history.json becomes one chat a session, and the model stays in half precision', async () => {
  const imported = await origin.corral('history', 'import', join(folder, 'chat_history.json'));
  expect(imported).toMatchObject({
    code: 0,
    stdout: '2 chats with 6 messages were taken in (chat_history)\n',
  });
  expect(await origin.corral('pull', `${model}:f16`)).toMatchObject({ code: 0 });
  corral = await origin.start();
  const shown = await corral.call<{ record: { quantisation: string } }>(
    'GET',
    `/api/models/${encodeURIComponent(`${model}:f16`)}`,
  );
  expect(shown.record.quantisation).toBe('f16');
});

test('a session is chosen and goes on; the receipt shows the [INST] prompt over everything before', async () => {
  const { id } = await session('session-1');
  const { run, answer } = await corral.ask(id, 'How deep is it?', settings);
  said.push({ role: 'user', content: 'How deep is it?' }, { role: 'assistant', content: answer.content });
  const prompt = await corral.prompt(run.id);
  expect(prompt.matches).toBe(true);
  expect(prompt.text).toBe(
    `<s>[INST] <<SYS>>\n${systemPrompt}\n<</SYS>>\n\nWhere does the river come from? [/INST]` +
      ' From the hill behind the village. </s><s>[INST] And where does it go? [/INST]' +
      ' South, like the birds. </s><s>[INST] How deep is it? [/INST]',
  );
});

test('after a restart the session is there and goes on, in the page as well', async () => {
  expect((await corral.server.stop()).code).toBe(0);
  corral = await origin.start();
  const { id } = await session('session-1');
  expect((await corral.open(id)).messages.map(({ role, content }) => ({ role, content }))).toEqual(said);
  await corral.call('PATCH', `/api/chats/${id}`, { settings });
  const browser = await launch();
  try {
    const { page, problems } = await openPage(browser, corral.address);
    await page.locator('.chat-row', { hasText: 'session-1' }).click();
    await page.locator('.message--person', { hasText: 'How deep is it?' }).waitFor();
    await say(page, 'Is it cold?');
    await page.locator('.message--person', { hasText: 'Is it cold?' }).waitFor();
    const state = async () => (await corral.open(id)).messages.at(-1)?.state;
    await expect.poll(state, { timeout: 180_000 }).toBe('length');
    await answered(page);
    await page.getByRole('button', { name: 'New chat' }).first().click();
    await expect.poll(() => page.locator('.message').count()).toBe(0);
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
  }
  const { messages } = await corral.open(id);
  said.push(...messages.slice(said.length).map(({ role, content }) => ({ role, content })));
  expect(said.at(-2)).toEqual({ role: 'user', content: 'Is it cold?' });
  expect(said).toHaveLength(8);
});

test('the model sees the last N exchanges, and what it no longer sees is told', async () => {
  const { id } = await session('session-1');
  const { run, receipt, answer } = await corral.ask(id, 'And now?', { ...settings, rememberExchanges: 1 });
  said.push({ role: 'user', content: 'And now?' }, { role: 'assistant', content: answer.content });
  const { text } = await corral.prompt(run.id);
  expect(text.startsWith(`<s>[INST] <<SYS>>\n${systemPrompt}\n<</SYS>>\n\nIs it cold? [/INST] `)).toBe(true);
  expect(text.endsWith(' </s><s>[INST] And now? [/INST]')).toBe(true);
  expect(text.match(/\[INST\]/g)).toHaveLength(2);
  const { plan } = receipt;
  expect(plan).toMatchObject({ rememberExchanges: 1, exact: true, fits: true });
  expect(plan.droppedMessageIds).toHaveLength(6);
  expect(plan.messages.filter(({ seen }) => !seen).map(({ why }) => why)).toEqual(
    Array.from({ length: 6 }, () => 'not-remembered'),
  );
});

test('the sessions come out again under the ids of their chats, with what was added', async () => {
  const out = join(folder, 'out.json');
  const exported = await origin.corral('history', 'export', '--format', 'chat_history', '--out', out);
  expect(exported).toMatchObject({ code: 0 });
  const written = JSON.parse(readFileSync(out, 'utf8')) as Record<string, typeof said>;
  const { id } = await session('session-1');
  const { [id]: first, ...others } = written;
  expect(first?.filter(({ role }) => role !== 'system')).toEqual(said);
  expect(Object.values(others).filter((messages) => messages.length === 2)).toEqual([history['session-2']]);
});
