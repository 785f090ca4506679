import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RunningServer } from '../fixtures/running-server.ts';
import { answered, launch, openPage, say, servePage, type WatchedPage } from './open-page.ts';

let browser: Browser;
let server: RunningServer;
let shown: WatchedPage;

beforeAll(async () => {
  browser = await launch();
  server = await servePage();
});
afterAll(async () => {
  await browser.close();
  await server.close();
});
beforeEach(async () => {
  shown = await openPage(browser, server.address);
});
afterEach(async () => {
  expect(shown.problems).toEqual([]);
  await shown.context.close();
});

const hash = (page: Page): Promise<string> => page.evaluate('location.hash');
const receipt = (page: Page) => page.getByRole('dialog', { name: 'Receipt' });

async function openReceipt(page: Page): Promise<void> {
  await page.locator('.message--answer').getByRole('button', { name: 'Receipt' }).click();
  await receipt(page).getByText('Ended because').waitFor();
}

test('Back closes an open receipt and stays in its chat; closing it otherwise costs no step of Back', async () => {
  const { page } = shown;
  await say(page, 'about wool');
  await answered(page);
  const first = await hash(page);
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await say(page, 'about gates');
  await answered(page);
  const second = await hash(page);
  await openReceipt(page);
  await page.goBack();
  await receipt(page).waitFor({ state: 'detached' });
  expect(await hash(page)).toBe(second);
  expect(await page.locator('.message--person').innerText()).toContain('about gates');

  await openReceipt(page);
  await page.keyboard.press('Escape');
  await receipt(page).waitFor({ state: 'detached' });
  await openReceipt(page);
  await receipt(page).getByRole('button', { name: 'Close' }).click();
  await receipt(page).waitFor({ state: 'detached' });
  await page.goBack();
  await expect.poll(() => hash(page)).toBe(first);
  await expect.poll(() => page.locator('.message--person').innerText()).toContain('about wool');
});

test('a chat begun side by side is there after Back, and another place in the page closes what lay over it', async () => {
  const { page } = shown;
  await page.getByRole('button', { name: 'Side by side' }).click();
  const dialog = page.getByRole('dialog', { name: 'Side by side' });
  await dialog.getByRole('textbox', { name: 'Message to both' }).fill('which of you');
  await dialog.getByRole('button', { name: 'Answer with both' }).click();
  await expect.poll(() => dialog.getByRole('button', { name: 'Keep this one' }).count()).toBe(2);
  await page.goBack();
  await dialog.waitFor({ state: 'detached' });
  await page.locator('.message--answer .branches').waitFor();
  expect(await hash(page)).toMatch(/^#\/c\//);

  await openReceipt(page);
  await page.evaluate('location.hash = "#/models"');
  await page.getByRole('heading', { name: 'On this machine' }).waitFor();
  await receipt(page).waitFor({ state: 'detached' });
});
