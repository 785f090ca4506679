import { beforeAll, expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { servePage } from './open-page.ts';

const here = inBrowser(() => servePage());

/** More than the sidebar lists at first. */
const chatCount = 120;

beforeAll(async () => {
  const chats = Array.from({ length: chatCount }, (_, index) => [
    `Flock ${index + 1} on the hill`,
    [
      { role: 'user', content: 'How is the wool this year?' },
      { role: 'assistant', content: 'Soft and grey.' },
    ],
  ]);
  await here.server.call('POST', '/api/import', Object.fromEntries(chats));
});

/** It is in no list that the page has loaded. */
async function oldest(): Promise<{ id: string; title: string }> {
  const { body: newest } = await here.server.call('GET', '/api/chats?limit=100');
  const { body: others } = await here.server.call('GET', `/api/chats?cursor=${String(newest['cursor'])}`);
  return (others['chats'] as { id: string; title: string }[]).at(-1) ?? { id: '', title: '' };
}

test('older chats come when they are asked for', async () => {
  const { page } = await here.open();
  const rows = page.locator('.chat-row');
  await expect.poll(() => rows.count()).toBe(100);
  await page.getByRole('button', { name: 'Older chats' }).click();
  await expect.poll(() => rows.count()).toBe(chatCount);
  await page.getByRole('button', { name: 'Older chats' }).waitFor({ state: 'detached' });
});

test('the palette finds every chat by its title, however old', async () => {
  const { id, title } = await oldest();
  const { page } = await here.open();
  await page.locator('.chat-row').first().waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill(title);
  await page.getByRole('option', { name: title, exact: true }).click();
  await expect.poll(() => page.url()).toContain(id);
});

test('while the palette looks for other letters, Enter opens no chat that was found for those before', async () => {
  const { title } = await oldest();
  const { page } = await here.open();
  await page.locator('.chat-row').first().waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill(title);
  const found = page.getByRole('option', { name: title, exact: true });
  await found.waitFor();
  await page.route(/\/api\/search/, () => undefined);
  await page.getByRole('combobox').fill('zyzzyva');
  await found.waitFor({ state: 'detached' });
  expect(await page.getByText('Nothing found').count()).toBe(0);
  await page.keyboard.press('Enter');
  await page.waitForTimeout(500);
  expect(page.url()).not.toContain('/c/');
});

test('the palette says why it could not look for a chat, and not that there is none', async () => {
  const { page } = await here.open();
  await page.locator('.chat-row').first().waitFor();
  await page.route(/\/api\/search/, (route) => route.fulfill({ status: 429 }));
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Commands' });
  await palette.getByRole('combobox').fill('zyzzyva');
  await palette.getByText('The server answered 429').waitFor();
  expect(await palette.getByText('Nothing found').count()).toBe(0);
  await page.unroute(/\/api\/search/);
  await palette.getByRole('combobox').fill('zyzzyvas');
  await palette.getByText('Nothing found').waitFor();
});

test('a search says that it lists the best only, and takes a long text as far as the server does', async () => {
  const { page } = await here.open();
  const field = page.getByRole('searchbox').first();
  await field.fill('wool');
  await expect.poll(() => page.locator('.hit').count()).toBe(40);
  await page.getByText('The best 40 are listed.').waitFor();
  await field.fill('flock 7 hill');
  await expect.poll(() => page.locator('.hit').count()).toBe(1);
  expect(await page.getByText('The best 40 are listed.').count()).toBe(0);
  const long = page.waitForResponse((response) => response.url().includes('wool+wool'));
  await field.fill('wool '.repeat(100));
  expect((await long).status()).toBe(200);
  await expect.poll(() => page.locator('.hit').count()).toBe(40);
});

test('a search that is refused says why, and can be tried again', async () => {
  const { page } = await here.open();
  // As a proxy in front of the server does.
  await page.route(/\/api\/search/, (route) => route.fulfill({ status: 429 }));
  await page.getByRole('searchbox').first().fill('wool');
  await page.getByText('The server answered 429').waitFor();
  expect(await page.getByText('does not answer').count()).toBe(0);
  await page.unroute(/\/api\/search/);
  await page.locator('.sidebar').getByRole('button', { name: 'Try again' }).click();
  await page.locator('.hit').first().waitFor();
});

test('the trash lists all that can come back', async () => {
  const { body: newest } = await here.server.call('GET', '/api/chats?limit=110');
  for (const { id } of newest['chats'] as { id: string }[])
    await here.server.call('DELETE', `/api/chats/${id}`);
  const { page } = await here.open();
  await page.getByRole('button', { name: 'Trash' }).click();
  const entries = page.locator('.trash-row');
  await expect.poll(() => entries.count()).toBe(100);
  await page.getByRole('button', { name: 'Deleted earlier' }).click();
  await expect.poll(() => entries.count()).toBe(110);
});
