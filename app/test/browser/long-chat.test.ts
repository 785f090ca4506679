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
