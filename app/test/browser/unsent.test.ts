import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { axeFaultsInBothThemes } from './axe-faults.ts';
import { inBrowser, phone } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage({ script: { tokensPerSecond: 1_000 } }));

/** Three tries of 5 s, and a busy machine. */
const givesUpMs = 40_000;
const runs = '**/api/chats/*/runs';
const chats = /\/api\/chats\/[\w-]+$/;

/** As on a line that is dead without a word. */
const swallow = (): void => undefined;
/** The server has the request, its answer is lost. */
async function loseAnswer(route: Route): Promise<void> {
  await route.fetch();
  await route.abort();
}

const unsent = (page: Page, why = 'The server does not answer.') =>
  page.getByRole('alert').getByText(`Not sent. ${why}`);
const again = (page: Page) => page.getByRole('button', { name: 'Send again' });

async function chatPath(page: Page): Promise<string> {
  return `/api/chats/${String(await page.evaluate('location.hash')).split('/')[2]}`;
}

/** What people wrote in the shown chat, as the server has it. */
async function asked(page: Page): Promise<string[]> {
  const { body } = await here.server.call('GET', await chatPath(page));
  const messages = body['messages'] as { role: string; content: string }[];
  return messages.filter(({ role }) => role === 'user').map(({ content }) => content);
}

async function chatCount(): Promise<number> {
  const { body } = await here.server.call('GET', '/api/chats');
  return (body['chats'] as unknown[]).length;
}

async function inChat(): Promise<Page> {
  const { page } = await here.open();
  await say(page, 'first of all');
  await answered(page);
  return page;
}

test('a message into a dead line is said to be on its way, then to be unsent, and is sent again from there', async () => {
  const page = await inChat();
  await page.route(runs, swallow);
  await say(page, 'into the void');
  await page.getByText('On its way').waitFor();
  await page.locator('#composer').fill('meanwhile something else');
  expect(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(true);
  await unsent(page).waitFor({ timeout: givesUpMs });
  expect(await page.locator('.outgoing').innerText()).toContain('into the void');
  expect(await asked(page)).toEqual(['first of all']);
  await page.unroute(runs);
  await again(page).click();
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  expect(await answered(page)).toContain('into the void');
  expect(await page.locator('.outgoing').count()).toBe(0);
  expect(await page.locator('#composer').inputValue()).toBe('meanwhile something else');
  expect(await asked(page)).toEqual(['first of all', 'into the void']);
});

test('a message whose acknowledgement is lost is there once, however often it is sent again', async () => {
  const page = await inChat();
  await page.route(runs, loseAnswer);
  await page.route(chats, (route) => route.abort());
  await say(page, 'only once');
  await unsent(page).waitFor();
  expect(await asked(page)).toEqual(['first of all', 'only once']);
  await again(page).click();
  await unsent(page).waitFor();
  await page.unroute(runs);
  await again(page).click();
  await page.locator('.outgoing').waitFor({ state: 'detached' });
  await expect.poll(() => page.locator('.message--person').count()).toBe(2);
  await page.unroute(chats);
  await page.reload();
  await expect.poll(() => page.locator('.message--person').count()).toBe(2);
  expect(await asked(page)).toEqual(['first of all', 'only once']);
});

test('a message whose acknowledgement breaks off in the middle does not come back to be sent twice', async () => {
  const page = await inChat();
  const cutShort = async (route: Route): Promise<void> => {
    const response = await route.fetch();
    const text = await response.text();
    await route.fulfill({ response, body: text.slice(0, text.length / 2) });
  };
  await page.route(runs, cutShort, { times: 1 });
  await say(page, 'cut in the middle');
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  expect(await answered(page)).toContain('cut in the middle');
  await page.locator('.outgoing').waitFor({ state: 'detached' });
  expect(await page.locator('#composer').inputValue()).toBe('');
  expect(await asked(page)).toEqual(['first of all', 'cut in the middle']);
});

test('where the message turns out to have arrived it is no longer said to be unsent', async () => {
  const page = await inChat();
  await page.route(runs, loseAnswer);
  await page.route(chats, (route) => route.abort());
  await say(page, 'it did arrive');
  await unsent(page).waitFor();
  await page.unroute(chats);
  await here.server.call('PATCH', await chatPath(page), { title: 'told to all tabs' });
  await page.locator('.outgoing').waitFor({ state: 'detached' });
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  expect(await page.locator('#composer').inputValue()).toBe('');
  expect(await asked(page)).toEqual(['first of all', 'it did arrive']);
});

test('a page that is left while its message is on its way still has it, to be sent, changed or given up', async () => {
  const page = await inChat();
  await page.route(runs, swallow);
  await say(page, 'left behind');
  await page.getByText('On its way').waitFor();
  await page.reload();
  await unsent(page, 'The page was left while it was on its way.').waitFor();
  expect(await page.locator('#composer').inputValue()).toBe('');
  await page.getByRole('button', { name: 'Put back into the field' }).click();
  expect(await page.locator('#composer').inputValue()).toBe('left behind');
  expect(await page.locator('.outgoing').count()).toBe(0);
  await page.route(runs, (route) => route.abort());
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await unsent(page).waitFor();
  await page.getByRole('button', { name: 'Do not send' }).click();
  expect(await page.locator('.outgoing').count()).toBe(0);
  expect(await page.locator('#composer').inputValue()).toBe('');
});

test('the first message of a chat makes one chat, also when the answer to that is lost', async () => {
  const { page } = await here.open();
  const before = await chatCount();
  const creation = /\/api\/chats$/;
  await page.route(creation, (route) =>
    route.request().method() === 'POST' ? loseAnswer(route) : route.continue(),
  );
  await say(page, 'in a chat of its own');
  await unsent(page).waitFor();
  await page.unroute(creation);
  await again(page).click();
  expect(await answered(page)).toContain('in a chat of its own');
  expect(await chatCount()).toBe(before + 1);
  await expect.poll(() => page.locator('.chat-row').count()).toBe(before + 1);
});

test('who goes elsewhere while the first message is on its way stays there, and finds its chat in the sidebar', async () => {
  const page = await inChat();
  const before = page.url();
  const count = await chatCount();
  await page.getByRole('button', { name: 'New chat' }).first().click();
  let make = (): void => undefined;
  const isMade = new Promise<void>((resolve) => (make = resolve));
  await page.route(/\/api\/chats$/, async (route) => {
    if (route.request().method() === 'POST') await isMade;
    await route.continue();
  });
  await say(page, 'on a slow line');
  await page.getByText('On its way').waitFor();
  await page.goBack();
  await page.locator('.message--answer').waitFor();
  const taken = page.waitForResponse(runs);
  make();
  await taken;
  const rows = page.locator('.chat-row');
  await expect.poll(() => rows.count()).toBe(count + 1);
  expect(page.url()).toBe(before);
  expect(await page.locator('.message--person').innerText()).toContain('first of all');
  await rows.first().click();
  expect(await answered(page)).toContain('on a slow line');
  expect(await page.locator('#composer').inputValue()).toBe('');
});

/** What outlives the tab. */
const kept = async (page: Page): Promise<string> =>
  String(await page.evaluate('JSON.stringify(localStorage)'));
/** What outlives a reload. */
const keptInTab = async (page: Page): Promise<string> =>
  String(await page.evaluate('JSON.stringify(sessionStorage)'));

test('an unsent message of a temporary chat is kept in its tab only, and goes out as one after a reload', async () => {
  const { page } = await here.open();
  const temporary = page.getByRole('button', { name: 'Temporary chat' });
  await temporary.click();
  await page.route(/\/api\/chats$/, (route) =>
    route.request().method() === 'POST' ? route.abort() : route.continue(),
  );
  await say(page, 'between you and me');
  await unsent(page).waitFor();
  await page.reload();
  await unsent(page, 'The page was left').waitFor();
  expect(await kept(page)).not.toContain('between you and me');
  await page.goto(`${here.server.address}/#/models`);
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await expect.poll(() => temporary.getAttribute('aria-pressed')).toBe('true');
  await page.unroute(/\/api\/chats$/);
  await again(page).click();
  expect(await answered(page)).toContain('between you and me');
  const { body } = await here.server.call('GET', await chatPath(page));
  expect(body['chat']).toMatchObject({ temporary: true });
  // The next one is chosen anew.
  await page.locator('#composer').fill('a second thought');
  await page.reload();
  await page.locator('.message--answer').waitFor();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('a second thought');
  expect(await kept(page)).not.toMatch(/between you and me|a second thought/);
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await expect.poll(() => temporary.getAttribute('aria-pressed')).toBe('false');
});

test('what is written in a temporary chat is gone from the tab with it, and stays temporary where the chat is gone', async () => {
  const { page } = await here.open();
  const temporary = page.getByRole('button', { name: 'Temporary chat' });
  await temporary.click();
  await say(page, 'for now');
  await answered(page);
  await page.locator('#composer').fill('half a secret');
  await expect.poll(() => keptInTab(page)).toContain('half a secret');
  await page.keyboard.press('Control+Shift+Backspace');
  await page.locator('.empty').waitFor();
  await expect.poll(() => keptInTab(page)).not.toContain('half a secret');

  await temporary.click();
  await say(page, 'for now as well');
  await answered(page);
  await expect.poll(() => keptInTab(page)).toContain((await chatPath(page)).split('/').at(-1));
  let answer = (): void => undefined;
  const isWritten = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const error = { code: 'not-found', message: 'There is no such chat.' };
  // As after a restart of the server, on a slow line.
  await page.route(/\/api\/chats\/[\w-]+(?:\?|$)/, async (route) => {
    await isWritten;
    await route.fulfill({ status: 404, json: { error } });
  });
  await page.reload();
  await page.locator('#composer').fill('between you and me');
  answer();
  await page.locator('.notice-page').getByRole('button', { name: 'New chat' }).click();
  await expect.poll(() => temporary.getAttribute('aria-pressed')).toBe('true');
  expect(await page.locator('#composer').inputValue()).toBe('between you and me');
  expect(await kept(page)).not.toContain('between you and me');
});

test('what was written in a chat is gone from the browser when the chat is erased', async () => {
  const page = await inChat();
  await page.locator('.message--person').getByRole('button', { name: 'Edit' }).click();
  await page.locator('.message-editor').getByRole('textbox').fill('another secret');
  await page.locator('#composer').fill('half a secret');
  await expect.poll(() => kept(page)).toContain('half a secret');
  await expect.poll(() => keptInTab(page)).toContain('another secret');
  const path = await chatPath(page);
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await here.server.call('DELETE', `${path}?erase=1`);
  await expect.poll(() => kept(page)).not.toContain('half a secret');
  await expect.poll(() => keptInTab(page)).not.toMatch(/half a secret|another secret/);
});

test('what is written in a chat that was erased and is back from a backup is kept again', async () => {
  const page = await inChat();
  const { body: made } = await here.server.call('POST', '/api/backups');
  // A copy of one's own: erasing goes through those of the server as well.
  const body = readFileSync(join(here.server.config.home, 'backups', String(made['name'])));
  const address = page.url();
  await here.server.call('DELETE', `${await chatPath(page)}?erase=1`);
  await page.getByText('This chat is not here.').waitFor();
  const headers = { 'content-type': 'application/octet-stream' };
  const restore = `${here.server.address}/api/backup-files/restore`;
  expect((await fetch(restore, { method: 'POST', headers, body })).status).toBe(200);
  await page.locator('.message--answer').waitFor();
  expect(page.url()).toBe(address);
  await page.locator('#composer').fill('half an hour of writing');
  await page.reload();
  await page.locator('.message--answer').waitFor();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('half an hour of writing');
});

test('a reworded message stays in its editor until the server has it, and is there once', async () => {
  const page = await inChat();
  await page.locator('.message--person').getByRole('button', { name: 'Edit' }).click();
  const editor = page.locator('.message-editor');
  await editor.getByRole('textbox').fill('reworded');
  await page.route(runs, loseAnswer);
  await page.route(chats, (route) => route.abort());
  await editor.getByRole('button', { name: 'Send' }).click();
  await page.getByText('The server does not answer.').waitFor();
  expect(await editor.getByRole('textbox').inputValue()).toBe('reworded');
  await page.unroute(runs);
  await editor.getByRole('button', { name: 'Send' }).click();
  await editor.waitFor({ state: 'detached' });
  await expect.poll(() => page.locator('.message--person').innerText()).toContain('reworded');
  expect(await asked(page)).toEqual(['first of all', 'reworded']);
});

test('a long unsent message and its buttons stay inside the composer of a phone, and axe finds no fault', async () => {
  const { page } = await here.open({ ...phone, reducedMotion: 'reduce' });
  await page.route(/\/api\/chats$/, (route) => route.abort());
  await say(page, 'a long message that nobody hears, '.repeat(20));
  await unsent(page).waitFor();
  const composer = await page.locator('.composer').boundingBox();
  const right = (composer?.x ?? 0) + (composer?.width ?? 0);
  for (const button of await page.locator('.outgoing button').all()) {
    const box = await button.boundingBox();
    expect((box?.x ?? Infinity) + (box?.width ?? 0)).toBeLessThanOrEqual(right);
  }
  expect(await page.locator('.outgoing button').count()).toBe(3);
  expect(await axeFaultsInBothThemes(page)).toEqual([]);
});
