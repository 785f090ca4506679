/**
 * A newcomer's first hour: clone, `npm start`, talk, refresh in the middle of an answer, get a model with an adapter,
 * switch, compare, export, stop, and go on the next day. `WALK_PICTURES=docs/images` takes the README's pictures anew.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answered, launch, openPage, say } from '../browser/open-page.ts';
import { writeTinyAdapter } from '../fixtures/models/tiny-adapter.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { nativeClient } from '../fixtures/native-client.ts';
import { startLocalHub, type LocalHub } from '../hub/local-hub.ts';
import { root } from '../program.ts';
import { cloneAfresh, type FreshClone } from './fresh-clone.ts';

const reference = 'huggyllama/llama-7b+timdettmers/guanaco-7b:q4_k_m';
const patient = { timeout: 60_000 };
const pictures = process.env['WALK_PICTURES'];
let folder: string;
let hub: LocalHub;
let clone: FreshClone;
let browser: Browser;
let page: Page;
let problems: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-walk-'));
  const shape = { width: 256, dtype: 'f16' as const, contextTokens: 2048 };
  const base = await writeTinyRepository(join(folder, 'base'), shape);
  await writeTinyAdapter(join(folder, 'adapter'), base, { base: 'huggyllama/llama-7b', file: 'bin' });
  hub = await startLocalHub({
    repositories: [
      { id: 'huggyllama/llama-7b', folder: join(folder, 'base') },
      { id: 'timdettmers/guanaco-7b', folder: join(folder, 'adapter') },
    ],
  });
  clone = await cloneAfresh(folder, {
    HF_ENDPOINT: hub.endpoint,
    CORRAL_OUTBOUND_HOSTS: hub.hosts.join(','),
  });
  browser = await launch();
  await clone.start();
  ({ page, problems } = await openPage(browser, clone.address));
}, 900_000);
afterAll(async () => {
  await browser.close();
  await clone.stop();
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

const inReadme = ['page', 'preflight'];

/** Kept where it is looked at: the README's few when they are asked for, the others with what tests leave behind. */
async function picture(name: string): Promise<void> {
  const isAskedFor = pictures !== undefined && inReadme.includes(name);
  const target = join(root, isAskedFor ? pictures : 'app/test/artifacts');
  mkdirSync(target, { recursive: true });
  await page.screenshot({ path: join(target, `${name}.png`), scale: 'css' });
}

const chatId = (): string => new URL(page.url()).hash.split('/')[2] ?? '';

test('the page is there, with the bundled model, and answers', async () => {
  await page.getByText('Get a real model').waitFor(patient);
  await picture('page');
  await say(page, 'Hello! Who are you?');
  await answered(page);
  expect((await page.locator('.message--answer .prose').innerText()).length).toBeGreaterThan(0);
});

test('a refresh in the middle of an answer loses nothing', async () => {
  // The bundled model ends its turns soon; this chat is told not to.
  await nativeClient(clone.address).call('PATCH', `/api/chats/${chatId()}`, {
    settings: { sampling: { ignoreEos: true, maxNewTokens: 1500 } },
  });
  await say(page, 'Tell me a long story.');
  const text = () => page.locator('.message--answer .prose').last().innerText();
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor(patient);
  await expect.poll(() => text().catch(() => ''), patient).toMatch(/\S{1}[^]{20}/);
  const before = (await text()).slice(0, 20);
  await page.reload();
  await expect.poll(() => text().catch(() => ''), patient).toContain(before);
  await page
    .getByRole('button', { name: 'Stop', exact: true })
    .waitFor({ state: 'detached', timeout: 120_000 });
  const { messages } = await nativeClient(clone.address).open(chatId());
  expect(messages.at(-1)?.content.length).toBeGreaterThan(20);
  await nativeClient(clone.address).call('PATCH', `/api/chats/${chatId()}`, {
    settings: { sampling: { maxNewTokens: 60 } },
  });
});

test('a model with an adapter comes from the Hub, merged and quantised', async () => {
  await page.goto(`${clone.address}/#/models`);
  await page.getByRole('textbox', { name: 'Hub name or link' }).fill(reference);
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await page.getByText('Is converted while it comes').waitFor(patient);
  await picture('preflight');
  await page.locator('.preflight').getByRole('button', { name: 'Get', exact: true }).click();
  const models = async () =>
    (await nativeClient(clone.address).call<{ models: { id: string }[] }>('GET', '/api/models')).models;
  await expect.poll(async () => (await models()).map(({ id }) => id), patient).toContain(reference);
});

test('the chat switches to it, and two models answer side by side', async () => {
  await page.goBack();
  await page.locator('#composer').waitFor();
  await page.locator('[data-model-picker]').first().click();
  await page.getByRole('menuitem', { name: /guanaco/ }).click();
  await say(page, 'And who are you?');
  await page.locator('.message--person', { hasText: 'And who are you?' }).last().waitFor(patient);
  await answered(page);
  const { messages } = await nativeClient(clone.address).open(chatId());
  expect(messages.at(-1)?.model).toBe(reference);
  await page.locator('.message--answer').last().getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Answer side by side' }).click();
  const dialog = page.getByRole('dialog', { name: 'Side by side' });
  await dialog.getByRole('group', { name: 'Right' }).getByLabel('Model').selectOption('cria');
  await dialog.getByRole('button', { name: 'Answer with both' }).click();
  await expect.poll(() => dialog.getByRole('button', { name: 'Keep this one' }).count(), patient).toBe(2);
  await picture('side-by-side');
  await dialog.getByRole('button', { name: 'Keep this one' }).first().click();
});

test('the chat is exported as a file', async () => {
  await page.locator('.chat-row').first().hover();
  await page.locator('.chat-row').first().locator('.chat-row__menu').click();
  await page.getByRole('menuitem', { name: 'Export' }).hover();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'Markdown', exact: true }).click(),
  ]);
  expect(readFileSync(await download.path(), 'utf8')).toContain('Hello! Who are you?');
});

test('stopped and started again, everything is there and goes on', async () => {
  const before = await nativeClient(clone.address).open(chatId());
  await clone.stop();
  await clone.start();
  await page.reload();
  await page.locator('.message--person', { hasText: 'And who are you?' }).first().waitFor(patient);
  const after = await nativeClient(clone.address).open(chatId());
  expect(after.messages).toEqual(before.messages);
  await say(page, 'Good morning!');
  await page.locator('.message--person', { hasText: 'Good morning!' }).last().waitFor(patient);
  await answered(page);
  expect(problems).toEqual([]);
});
