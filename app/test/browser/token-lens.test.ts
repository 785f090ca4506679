import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { axeFaultsInBothThemes } from './axe-faults.ts';
import { inBrowser, phone } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() =>
  servePage({
    script: { answer: (question) => `${question} gives a first line.\n\nAnd a second one, with a 🦙 in it.` },
  }),
);

const lens = (page: Page) => page.getByRole('region', { name: 'Token lens' });
const tokens = (page: Page) => page.getByRole('toolbar', { name: 'Tokens' }).getByRole('button');
const choices = (page: Page) => page.getByRole('list', { name: /^Likeliest/ }).getByRole('listitem');
const focused = (page: Page) => page.locator('.token:focus');

async function openFromMenu(page: Page): Promise<void> {
  await page.locator('.message--answer').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Token lens' }).click();
  await tokens(page).first().waitFor();
}

test('the lens is walked by keyboard, gone on from, and leaves the message as it was', async () => {
  const { page } = await here.open();
  await say(page, 'A question');
  await answered(page);
  const before = await page.locator('.message--answer .prose').innerHTML();
  await openFromMenu(page);
  expect(await page.locator('.message--answer .prose').count()).toBe(0);
  const text = await page.locator('.lens__text').innerText();
  expect(text.replaceAll('↵', '').replaceAll(/\s+/g, ' ')).toBe(
    'A question gives a first line. And a second one, with a 🦙 in it.',
  );

  await expect.poll(() => focused(page).innerText()).toBe('A ');
  expect(await focused(page).getAttribute('aria-label')).toMatch(/^A␣, \d+ %$|^A␣, [\d.]+ %$/);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowLeft');
  expect(await focused(page).innerText()).toBe('qu');
  expect(await choices(page).count()).toBeGreaterThanOrEqual(5);
  await page.keyboard.press('ArrowDown');
  const below = await focused(page).boundingBox();
  await page.keyboard.press('ArrowUp');
  expect(below!.y).toBeGreaterThan((await focused(page).boundingBox())!.y);
  await page.keyboard.press('End');
  expect(await tokens(page).last().getAttribute('aria-pressed')).toBe('true');
  await page.keyboard.press('Home');
  expect(await axeFaultsInBothThemes(page)).toEqual([]);

  // Enter leads to what else might stand there, Escape back, and a second one out of the lens.
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  expect(await page.locator(':focus').innerText()).toBe('Go on from here');
  await page.keyboard.press('Escape');
  expect(await focused(page).innerText()).toBe('qu');
  await page.keyboard.press('Escape');
  await expect.poll(() => lens(page).count()).toBe(0);
  expect(await page.locator('.message--answer .prose').innerHTML()).toBe(before);
});

test('going on from another token makes a version of the answer, beside the one that was there', async () => {
  const { page } = await here.open();
  await say(page, 'A question');
  await answered(page);
  // By the palette this time.
  await page.keyboard.press('Control+k');
  await page.getByRole('option', { name: 'Token lens on the last answer' }).click();
  await tokens(page).nth(2).click();
  const other = choices(page)
    .filter({ has: page.getByRole('button') })
    .first();
  const word = await other.locator('.lens__piece').innerText();
  await other.getByRole('button').click();
  await expect.poll(() => page.locator('.message--answer .branches').innerText()).toContain('2/2');
  expect(await lens(page).count()).toBe(0);
  const text = await answered(page);
  expect(text.startsWith(`A qu${word.replaceAll('␣', ' ')}`)).toBe(true);
  await page.getByRole('button', { name: 'Earlier version' }).click();
  await expect.poll(() => page.locator('.message--answer .prose').innerText()).toContain('A question gives');
  await page.reload();
  await page.locator('.message--answer .branches').waitFor();
});

test('why there are no tokens is said, with a way to try again; on a phone nothing is wider than the screen', async () => {
  const { page } = await here.open({ ...phone, expected: /409|tokens/ });
  await say(page, 'A question');
  await answered(page);
  await page.route('**/tokens', (route) =>
    route.fulfill({
      status: 400,
      json: { error: { code: 'context-too-long', message: 'The prompt has 9 tokens.' }, requestId: 'x' },
    }),
  );
  await page.locator('.message--answer').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Token lens' }).click();
  await lens(page).getByText('The prompt has 9 tokens.').waitFor();
  expect(await lens(page).innerText()).toContain('A question gives');
  await page.unroute('**/tokens');
  await lens(page).getByRole('button', { name: 'Try again' }).click();
  await tokens(page).first().tap();
  expect(await choices(page).count()).toBeGreaterThanOrEqual(5);
  expect(
    await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
  ).toBe(0);
  await lens(page).getByRole('button', { name: 'Close the lens' }).click();
  await expect.poll(() => lens(page).count()).toBe(0);
});
