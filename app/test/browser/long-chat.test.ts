import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { servePage } from './open-page.ts';

const messageCount = 600;
const here = inBrowser(() => servePage());
let address: string;

beforeAll(async () => {
  const messages = Array.from({ length: messageCount }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `Message ${index + 1} of the long talk`,
  }));
  const { body } = await here.server.call('POST', '/api/import', { 'the long talk': messages });
  address = `${here.server.address}/#/c/${(body['chatIds'] as string[])[0]}`;
});

const message = (page: Page, number: number) =>
  page.getByText(`Message ${number} of the long talk`, { exact: true });

test('a long chat opens at its end, from the list and by its address, and only what is in view is drawn', async () => {
  const { page } = await here.open();
  await page.locator('.chat-row').click();
  await message(page, messageCount).waitFor();
  expect(await page.locator('.message').count()).toBeLessThan(60);
  await page.goto(address);
  await page.reload();
  await message(page, messageCount).waitFor();
  await page.locator('[data-transcript]').hover();
  const up = async (): Promise<number> => {
    await page.mouse.wheel(0, -20_000);
    return message(page, 1).count();
  };
  await expect.poll(up).toBe(1);
  await expect.poll(() => message(page, messageCount).count()).toBe(0);
  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await message(page, messageCount).waitFor();
});

test('find in the chat goes through its matches in both directions, by keys and by buttons, and comes round', async () => {
  const { page } = await here.open();
  await page.goto(address);
  await message(page, messageCount).waitFor();
  await page.keyboard.press('Control+f');
  const field = page.getByRole('searchbox', { name: 'Find in this chat' });
  // 11, 111, 211, … 511: the first and the last are far apart, and only one of them is drawn at a time.
  await field.fill('11 of the long talk');
  const at = async (place: number, number: number): Promise<void> => {
    await page.getByText(`${place} of 6`, { exact: true }).waitFor();
    await expect.poll(() => message(page, number).isVisible()).toBe(true);
  };
  await at(1, 11);
  await field.press('Enter');
  await at(2, 111);
  await page.getByRole('button', { name: 'Next match' }).click();
  await at(3, 211);
  await page.getByRole('button', { name: 'Previous match' }).click();
  await at(2, 111);
  await field.press('Shift+Enter');
  await at(1, 11);
  await field.press('Shift+Enter');
  await at(6, 511);
  await field.press('Enter');
  await at(1, 11);
});
