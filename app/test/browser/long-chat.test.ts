import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningServer } from '../fixtures/running-server.ts';
import { launch, openPage, servePage } from './open-page.ts';

const messageCount = 600;
let browser: Browser;
let server: RunningServer;
let address: string;

beforeAll(async () => {
  browser = await launch();
  server = await servePage({});
  const messages = Array.from({ length: messageCount }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `Message ${index + 1} of the long talk`,
  }));
  const { body } = await server.call('POST', '/api/import', { 'the long talk': messages });
  address = `${server.address}/#/c/${(body['chatIds'] as string[])[0]}`;
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

const message = (page: Page, number: number) =>
  page.getByText(`Message ${number} of the long talk`, { exact: true });

test('a long chat opens at its end, from the list and by its address, and only what is in view is drawn', async () => {
  const { page, context, problems } = await openPage(browser, server.address);
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
  expect(problems).toEqual([]);
  await context.close();
});
