import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() =>
  servePage({
    script: { tokensPerSecond: 200, answer: (question) => `${question} ${'and so on '.repeat(20)}needle` },
  }),
);

const finder = (page: Page) => page.getByRole('searchbox', { name: 'Find in this chat' });
const focused = (page: Page): Promise<string> =>
  page.evaluate('document.activeElement.id || document.activeElement.getAttribute("aria-label")');
const marks = (page: Page): Promise<number> => page.evaluate(`CSS.highlights.get('corral-find')?.size ?? 0`);

test('what is written while one looks for it is found', async () => {
  const { page } = await here.open();
  await say(page, 'First');
  await answered(page);
  await page.keyboard.press('Control+f');
  await finder(page).fill('Second');
  await page.getByText('No match', { exact: true }).waitFor();
  await say(page, 'Second');
  // The question, and at the end of its answer that as well.
  await page.getByText('1 of 2', { exact: true }).waitFor();
  await expect.poll(() => marks(page)).toBe(2);
  await finder(page).fill('needle');
  await page.getByText('1 of 2', { exact: true }).waitFor();
  await expect.poll(() => marks(page)).toBe(2);
  // The match that is shown stays the same, and the new one is marked too.
  await say(page, 'Third');
  await page.getByText('1 of 3', { exact: true }).waitFor();
  await expect.poll(() => marks(page)).toBe(3);
});

test('what an answer says so far is found before its end', async () => {
  const { page } = await here.open();
  await say(page, 'First');
  await answered(page);
  await say(page, 'half an answer /hang 30');
  await page
    .locator('[data-state="running"]')
    .getByText(/and so on/)
    .waitFor();
  await page.keyboard.press('Control+f');
  await finder(page).fill('and so on');
  await page.getByText('1 of 2', { exact: true }).waitFor();
});

test('its keys put the cursor into the search again, and Escape back where it was', async () => {
  const { page } = await here.open();
  await say(page, 'First');
  await answered(page);
  await page.locator('#composer').focus();
  await page.keyboard.press('Control+f');
  await finder(page).fill('first');
  await page.locator('#composer').click();
  await page.keyboard.press('Control+f');
  await expect.poll(() => focused(page)).toBe('Find in this chat');
  await page.keyboard.press('Escape');
  await finder(page).waitFor({ state: 'detached' });
  await expect.poll(() => focused(page)).toBe('composer');
  // With nothing to go back to, it is where one writes.
  await page.evaluate('document.activeElement.blur()');
  await page.keyboard.press('Control+f');
  await finder(page).waitFor();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await expect.poll(() => focused(page)).toBe('composer');
});

test('its button closes it with all marks, and it opens empty again', async () => {
  const { page } = await here.open();
  await say(page, 'First');
  await answered(page);
  const button = page.getByRole('button', { name: 'Find in this chat' });
  await button.click();
  await finder(page).fill('first');
  await expect.poll(() => marks(page)).toBeGreaterThan(0);
  await button.click();
  await finder(page).waitFor({ state: 'detached' });
  expect(await marks(page)).toBe(0);
  await button.click();
  expect(await finder(page).inputValue()).toBe('');
});
