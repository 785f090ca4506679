import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { servePage } from './open-page.ts';

const here = inBrowser(() => servePage());

/** Said once each, far from each other and from the end. */
const said: Record<number, string> = {
  4: 'shearing in spring',
  30: 'carding by hand',
  70: 'felting at home',
};

const chatOf = (title: string, count: number) => ({
  [title]: Array.from({ length: count }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `${title}, message ${index + 1}: ${said[index] ?? 'nothing of note'}`,
  })),
});

beforeAll(async () => {
  await here.server.call('POST', '/api/import', { ...chatOf('Short', 90), ...chatOf('Long', 300) });
});

/** Searches for the words and takes the hit in that chat. */
async function takeHit(page: Page, words: string, title: string): Promise<void> {
  await page.getByRole('searchbox').first().fill(words);
  await page.locator('.hit').filter({ hasText: title }).filter({ hasText: words }).first().click();
}

/** In view, and it stays there. */
async function isRead(page: Page, text: string): Promise<void> {
  const place = page.locator('.message').getByText(text, { exact: true });
  const isInView = async (): Promise<boolean> => {
    const box = (await place.count()) === 1 ? await place.boundingBox() : null;
    return box !== null && box.y > 60 && box.y + box.height < 800;
  };
  await expect.poll(isInView).toBe(true);
  await page.waitForTimeout(400);
  expect(await isInView()).toBe(true);
}

for (const title of ['Short', 'Long'])
  test(`every hit in one chat is shown, also where the chat is shown already: ${title}`, async () => {
    const { page } = await here.open();
    await takeHit(page, 'shearing', title);
    await isRead(page, `${title}, message 5: shearing in spring`);
    await takeHit(page, 'felting', title);
    await isRead(page, `${title}, message 71: felting at home`);
    await takeHit(page, 'carding', title);
    await isRead(page, `${title}, message 31: carding by hand`);
    await page.goBack();
    await isRead(page, `${title}, message 71: felting at home`);
  });

test('a hit that is taken a second time is shown again', async () => {
  const { page } = await here.open();
  await takeHit(page, 'shearing', 'Long');
  await isRead(page, 'Long, message 5: shearing in spring');
  await page.locator('.message').first().hover();
  await page.mouse.wheel(0, 4000);
  const place = page.locator('.message').getByText('Long, message 5: shearing in spring', { exact: true });
  await expect
    .poll(() => place.isVisible().then(async (is) => is && ((await place.boundingBox())?.y ?? -1) > 0))
    .toBe(false);
  await takeHit(page, 'shearing', 'Long');
  await isRead(page, 'Long, message 5: shearing in spring');
});

test('a hit in another version of a message brings that version', async () => {
  const { page } = await here.open();
  await page.getByRole('link', { name: 'Short' }).click();
  await page.locator('.message').getByText('Short, message 90: nothing of note', { exact: true }).waitFor();
  const path = `/api/chats/${page.url().split('/').at(-1)}`;
  const { body } = await here.server.call('GET', path);
  const fifth = (body['messages'] as { id: string }[])[4];
  await here.server.call('POST', `${path}/messages/${fifth?.id}/edit`, { content: 'Spinning instead' });
  await page.locator('.message').getByText('Spinning instead', { exact: true }).waitFor();
  await takeHit(page, 'carding', 'Short');
  await isRead(page, 'Short, message 31: carding by hand');
  await takeHit(page, 'Spinning', 'Short');
  await isRead(page, 'Spinning instead');
  // Another version chosen by hand stays.
  await page.getByRole('button', { name: 'Earlier version' }).click();
  await page.locator('.message').getByText('Short, message 90: nothing of note', { exact: true }).waitFor();
  await page.waitForTimeout(1_000);
  expect(await page.locator('.message').getByText('Spinning instead', { exact: true }).count()).toBe(0);
});
