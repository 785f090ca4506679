import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage({ script: { tokensPerSecond: 500 } }));

const field = (page: Page, label: string): Locator =>
  page
    .locator('.panel')
    .locator('input[type=number], textarea')
    .and(page.getByLabel(label, { exact: true }));

const openPanel = async (page: Page): Promise<void> => {
  await page.locator('[data-panel-toggle]').click();
  await field(page, 'Context').waitFor();
};

/** The chat that the page shows, made by a message. */
async function startChat(page: Page, text: string): Promise<string> {
  await say(page, text);
  await answered(page);
  return /#\/c\/([^/]+)/.exec(page.url())?.[1] ?? '';
}

/** What the server holds of one chat's own settings. */
async function settingsOf(chatId: string): Promise<unknown> {
  const { body } = await here.server.call('GET', `/api/chats/${chatId}`);
  return (body['chat'] as { settings: unknown }).settings;
}

async function typeOver(page: Page, label: string, text: string, pauseMs = 0): Promise<void> {
  await field(page, label).focus();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Backspace');
  await page.keyboard.type(text, { delay: pauseMs });
}

test('numbers are typed digit by digit, hastily or slowly; limits hold when the field is left', async () => {
  const { page } = await here.open();
  const chatId = await startChat(page, 'Hello');
  await openPanel(page);
  await page.getByRole('button', { name: 'More settings' }).click();
  // Not the model's: an operator's number stands where it is smaller.
  await page.getByText('Default of Corral: the server’s.').waitFor();
  await typeOver(page, 'Context', '4096');
  await typeOver(page, 'Top-p', '0.9');
  await typeOver(page, 'Typical-p', '0.95');
  await typeOver(page, 'Penalty window', '-1');
  // Slower than what is typed is saved.
  await typeOver(page, 'Max new tokens', '256', 700);
  const shown = ['Context', 'Top-p', 'Typical-p', 'Penalty window', 'Max new tokens'];
  expect(await Promise.all(shown.map((label) => field(page, label).inputValue()))).toEqual([
    '4096',
    '0.9',
    '0.95',
    '-1',
    '256',
  ]);
  await expect
    .poll(() => settingsOf(chatId))
    .toEqual({
      contextTokens: 4096,
      sampling: { topP: 0.9, typicalP: 0.95, penaltyWindow: -1, maxNewTokens: 256 },
    });
  await typeOver(page, 'Context', '3');
  await typeOver(page, 'Max new tokens', '');
  await page.locator('#composer').focus();
  expect(await field(page, 'Context').inputValue()).toBe('64');
  expect(await field(page, 'Max new tokens').inputValue()).not.toBe('');
  await expect
    .poll(() => settingsOf(chatId))
    .toEqual({ contextTokens: 64, sampling: { topP: 0.9, typicalP: 0.95, penaltyWindow: -1 } });
});

test('what was just set is kept, in its chat, when the panel closes or another chat opens', async () => {
  const { page } = await here.open();
  const first = await startChat(page, 'Hello');
  await openPanel(page);
  await typeOver(page, 'Temperature', '0.4');
  await page.keyboard.press('Control+Shift+E');
  await expect.poll(() => settingsOf(first)).toEqual({ sampling: { temperature: 0.4 } });
  await openPanel(page);
  await field(page, 'System prompt').focus();
  await page.keyboard.type('Speak of llamas.');
  await page.keyboard.press('Control+Shift+E');
  const settings = { systemPrompt: 'Speak of llamas.', sampling: { temperature: 0.4 } };
  await expect.poll(() => settingsOf(first)).toEqual(settings);

  await openPanel(page);
  await field(page, 'System prompt').focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(' And of rain.');
  await page.keyboard.press('Control+Shift+O');
  await expect.poll(() => field(page, 'System prompt').inputValue()).toBe('');
  await expect
    .poll(() => settingsOf(first))
    .toEqual({ ...settings, systemPrompt: 'Speak of llamas. And of rain.' });
  const second = await startChat(page, 'Hello again');
  expect(await settingsOf(second)).toEqual({});

  // Both chats have the same stop strings: none.
  await field(page, 'Stop strings').focus();
  await page.keyboard.type('zebra');
  await page.evaluate('history.back()');
  await expect.poll(() => page.url()).toContain(first);
  await expect.poll(() => settingsOf(second)).toEqual({ sampling: { stop: ['zebra'] } });
  expect(await field(page, 'Stop strings').inputValue()).toBe('');
  await page.locator('#composer').focus();
  expect(await settingsOf(first)).toEqual({ ...settings, systemPrompt: 'Speak of llamas. And of rain.' });
});

test('a system prompt typed in a narrow window is kept when Escape or Back closes the sheet', async () => {
  const { page } = await here.open({ viewport: { width: 800, height: 900 } });
  const chatId = await startChat(page, 'Hello');
  await openPanel(page);
  await field(page, 'System prompt').focus();
  await page.keyboard.type('One.');
  await page.keyboard.press('Escape');
  await page.locator('.panel').waitFor({ state: 'detached' });
  await expect.poll(() => settingsOf(chatId)).toEqual({ systemPrompt: 'One.' });
  await openPanel(page);
  await field(page, 'Stop strings').focus();
  await page.keyboard.type('zebra');
  await page.evaluate('history.back()');
  await page.locator('.panel').waitFor({ state: 'detached' });
  await expect
    .poll(() => settingsOf(chatId))
    .toEqual({ systemPrompt: 'One.', sampling: { stop: ['zebra'] } });
});

test('a prompt and stop strings that cannot be saved stay in their fields, for their chat, until they are', async () => {
  const { page } = await here.open();
  const chatId = await startChat(page, 'Hello');
  await openPanel(page);
  const panel = page.locator('.panel');
  const shown = (): Promise<string[]> =>
    Promise.all(['System prompt', 'Stop strings'].map((label) => field(page, label).inputValue()));
  const error = { code: 'disk-full', message: 'There is no room left.' };
  const refuse = `**/api/chats/${chatId}`;
  await page.route(refuse, (route) =>
    route.request().method() === 'PATCH' ? route.fulfill({ status: 507, json: { error } }) : route.fallback(),
  );
  // One is saved because the hand rests, the other because its field is left.
  await field(page, 'System prompt').focus();
  await page.keyboard.type('Speak of llamas.');
  await page.getByText('There is no room left.').waitFor();
  await expect.poll(() => shown()).toEqual(['Speak of llamas.', '']);
  await field(page, 'Stop strings').focus();
  await page.keyboard.type('zebra');
  await page.locator('#composer').focus();
  await expect.poll(() => panel.getByText('Not saved.').count()).toBe(2);
  expect(await shown()).toEqual(['Speak of llamas.', 'zebra']);
  // They are of this chat, and there again with it.
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await expect.poll(() => shown()).toEqual(['', '']);
  expect(await panel.getByText('Not saved.').count()).toBe(0);
  await page.goBack();
  await expect.poll(() => shown()).toEqual(['Speak of llamas.', 'zebra']);
  expect(await settingsOf(chatId)).toEqual({});
  await page.unroute(refuse);
  for (const left of [1, 0]) {
    await panel.getByRole('button', { name: 'Try again' }).first().click();
    await expect.poll(() => panel.getByText('Not saved.').count()).toBe(left);
  }
  await expect
    .poll(() => settingsOf(chatId))
    .toEqual({ systemPrompt: 'Speak of llamas.', sampling: { stop: ['zebra'] } });
  expect(await shown()).toEqual(['Speak of llamas.', 'zebra']);
});

test('a prompt that could not be saved gives way to what is chosen in its place', async () => {
  const { page } = await here.open();
  const chatId = await startChat(page, 'Hello');
  await here.server.call('PATCH', `/api/chats/${chatId}`, { settings: { systemPrompt: 'One.' } });
  await openPanel(page);
  await expect.poll(() => field(page, 'System prompt').inputValue()).toBe('One.');
  await page.route(`**/api/chats/${chatId}`, (route) =>
    route.request().method() === 'PATCH' ? route.abort() : route.fallback(),
  );
  await typeOver(page, 'System prompt', 'Two.');
  await page.locator('#composer').focus();
  await page.getByText('Not saved.').waitFor();
  expect(await field(page, 'System prompt').inputValue()).toBe('Two.');
  await page.unroute(`**/api/chats/${chatId}`);
  await page.getByRole('button', { name: 'Reset System prompt' }).click();
  await expect.poll(() => field(page, 'System prompt').inputValue()).toBe('');
  expect(await page.getByText('Not saved.').count()).toBe(0);
  await expect.poll(() => settingsOf(chatId)).toEqual({});
});
