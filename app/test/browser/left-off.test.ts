import type { Page } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { scriptedModels } from '../fixtures/running-server.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage, watch } from './open-page.ts';

const scripted = scriptedModels();
const [record] = await scripted.list();
const all = ['cria', 'scripted-two', 'scripted-three'];
let listed = all;
const models: typeof scripted = {
  ...scripted,
  list: async () => listed.map((id) => ({ ...record!, id })),
  resolve: async (id) => ({ kind: 'scripted', id }),
};
/** The operator has named no model. */
const here = inBrowser(() => servePage({ environment: { CORRAL_MODEL: '' }, models }));

afterEach(async () => {
  listed = all;
  await here.server.call('PUT', '/api/preferences', { settings: {} });
});

const picker = (page: Page) => page.locator('[data-model-picker]').first();

async function choose(page: Page, model: string): Promise<void> {
  await picker(page).click();
  await page.getByRole('menuitem', { name: model }).click();
  await expect.poll(() => picker(page).innerText()).toContain(model);
}

async function startNewChat(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.locator('.empty').waitFor();
}

/** Another visit of the same browser. */
async function openAgain(page: Page): Promise<void> {
  await page.goto('about:blank');
  await page.goto(here.server.address);
  await page.locator('#composer').waitFor();
}

const chatOf = async (page: Page): Promise<Record<string, unknown>> =>
  (await here.server.call('GET', `/api/chats/${page.url().split('/').at(-1)}`)).body['chat'] as Record<
    string,
    unknown
  >;

test('a new chat goes on with the model that was chosen in the last one, here and the next time', async () => {
  const { page } = await here.open();
  await expect.poll(() => picker(page).innerText()).toContain('Cria');
  await choose(page, 'scripted-two');
  // Only looked at: nothing was answered by it.
  await startNewChat(page);
  await expect.poll(() => picker(page).innerText()).toContain('Cria');
  await choose(page, 'scripted-two');
  await say(page, 'hello');
  await answered(page);

  await startNewChat(page);
  await expect.poll(() => picker(page).innerText()).toContain('scripted-two');
  await openAgain(page);
  await expect.poll(() => picker(page).innerText()).toContain('scripted-two');
  await say(page, 'hello again');
  await answered(page);
  expect(await chatOf(page)).toMatchObject({ settings: { model: 'scripted-two' } });

  await startNewChat(page);
  await choose(page, 'Cria');
  await say(page, 'hello Cria');
  await answered(page);
  await startNewChat(page);
  await expect.poll(() => picker(page).innerText()).toContain('Cria');
});

test('preferences say more than the last chat, and a model that is gone is not asked for', async () => {
  const { page } = await here.open();
  await choose(page, 'scripted-two');
  await say(page, 'hello');
  await answered(page);
  listed = ['cria'];
  await openAgain(page);
  await startNewChat(page);
  await expect.poll(() => picker(page).innerText()).toContain('Cria');
  await say(page, 'and now');
  await answered(page);
  expect(await chatOf(page)).toMatchObject({ settings: {} });

  listed = all;
  await page.reload();
  await choose(page, 'scripted-two');
  await say(page, 'once more');
  await answered(page);
  await here.server.call('PUT', '/api/preferences', { settings: { model: 'scripted-three' } });
  await startNewChat(page);
  await expect.poll(() => picker(page).innerText()).toContain('scripted-three');
});

test('a chat without a model of its own leaves none to begin with', async () => {
  const { page } = await here.open();
  await choose(page, 'scripted-two');
  await say(page, 'hello');
  await answered(page);
  const chat = `/api/chats/${page.url().split('/').at(-1)}`;
  await here.server.call('PATCH', chat, { settings: {} });
  await expect.poll(() => picker(page).innerText()).toContain('Cria');
  await say(page, 'and now');
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  await answered(page);
  await startNewChat(page);
  await expect.poll(() => picker(page).innerText()).toContain('Cria');
});

test('a model whose service sleeps is begun with again when it is back', async () => {
  const { page } = await here.open();
  await choose(page, 'scripted-two');
  await say(page, 'hello');
  await answered(page);
  listed = ['cria'];
  await page.reload();
  await startNewChat(page);
  await expect.poll(() => picker(page).innerText()).toContain('Cria');
  listed = all;
  await page.reload();
  await expect.poll(() => picker(page).innerText()).toContain('scripted-two');
});

test('what a new chat only inherits is not chosen: neither words nor "Use for new chats" make it so', async () => {
  const { page } = await here.open();
  await choose(page, 'scripted-two');
  await say(page, 'hello');
  await answered(page);
  await startNewChat(page);
  await page.locator('[data-panel-toggle]').click();
  await page.getByLabel('Temperature', { exact: true }).first().fill('0.3');
  await page.locator('#composer').focus();
  await page.getByRole('button', { name: 'Use for new chats' }).click();
  await page.getByText('New chats start with these settings').waitFor();
  const { body } = await here.server.call('GET', '/api/preferences');
  expect(body['settings']).toEqual({ sampling: { temperature: 0.3 } });

  await page.locator('#composer').fill('with words in the field');
  await page.reload();
  await expect.poll(() => picker(page).innerText()).toContain('scripted-two');
  // Told until it is heard: the page may not listen yet.
  const prefer = (model: string) => here.server.call('PUT', '/api/preferences', { settings: { model } });
  await expect
    .poll(async () => {
      await prefer('scripted-three');
      return picker(page).innerText();
    })
    .toContain('scripted-three');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await answered(page);
  expect(await chatOf(page)).not.toMatchObject({ settings: { model: 'scripted-two' } });
});

test('where the operator named the model, a new chat has that one', async () => {
  const fixed = await servePage({ environment: { CORRAL_MODEL: 'cria' }, models });
  const { page, context } = await here.open({ address: fixed.address });
  await choose(page, 'scripted-two');
  await say(page, 'hello');
  await answered(page);
  await startNewChat(page);
  await expect.poll(() => picker(page).innerText()).toContain('Cria');
  await context.close();
  await fixed.close();
});

test('the page without an address goes to where this browser left', async () => {
  const { page } = await here.open();
  await say(page, 'the first chat');
  await answered(page);
  const first = page.url();
  await openAgain(page);
  await page.getByText('the first chat').first().waitFor();
  expect(page.url()).toBe(first);
  // A view that is no chat is none to go back to.
  await page.goto(`${here.server.address}/#/models`);
  await page.locator('.view h1').waitFor();
  await openAgain(page);
  expect(page.url()).toBe(first);
  await startNewChat(page);
  await openAgain(page);
  await page.locator('.empty').waitFor();
  expect(page.url()).not.toContain('#/c/');
});

test('it goes to a new chat where the last one was temporary or is gone, and keeps what was typed there', async () => {
  const { page } = await here.open();
  await page.getByRole('button', { name: 'Temporary chat' }).click();
  await say(page, 'for now only');
  await answered(page);
  await openAgain(page);
  await page.locator('.empty').waitFor();

  await say(page, 'to be erased');
  await answered(page);
  const erase = `/api/chats/${page.url().split('/').at(-1)}?erase=1`;
  await page.goto('about:blank');
  await here.server.call('DELETE', erase);
  await openAgain(page);
  await page.locator('.empty').waitFor();
  expect(page.url()).toMatch(/#\/$/);

  await say(page, 'with a draft');
  await answered(page);
  await page.locator('#composer').fill('typed and not sent');
  const other = `/api/chats/${page.url().split('/').at(-1)}?erase=1`;
  await page.goto('about:blank');
  await here.server.call('DELETE', other);
  await page.goto(here.server.address);
  await page.getByRole('alert').getByRole('button', { name: 'New chat' }).waitFor();
});

test('a chat that was come back to and read is told to be gone like any other', async () => {
  const { page } = await here.open();
  await say(page, 'read all day');
  await answered(page);
  await openAgain(page);
  await page.locator('.message--answer').waitFor();
  await here.server.call('DELETE', `/api/chats/${page.url().split('/').at(-1)}?erase=1`);
  await page.getByRole('alert').getByText('This chat is not here.').waitFor();
});

test('a reload stays at a new chat, wherever another tab has gone meanwhile', async () => {
  const { page, context, problems } = await here.open();
  await page.locator('.empty').waitFor();
  const other = await context.newPage();
  await watch(other, here.server.address, problems);
  await other.goto(`${here.server.address}/#/`);
  await say(other, 'the chat of the other tab');
  await answered(other);
  await page.reload();
  await page.locator('#composer').waitFor();
  expect(await page.locator('.empty').count()).toBe(1);
});
