import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser, phone } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage());

const hash = (page: Page): Promise<string> => page.evaluate('location.hash');
const receipt = (page: Page) => page.getByRole('dialog', { name: 'Receipt' });

async function openReceipt(page: Page): Promise<void> {
  await page.locator('.message--answer').getByRole('button', { name: 'Receipt' }).click();
  await receipt(page).getByText('Ended because').waitFor();
}

test('Back closes an open receipt and stays in its chat; closing it otherwise costs no step of Back', async () => {
  const { page } = await here.open();
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

test('what had the focus before a dialog has it again afterwards, and what is typed next stands in it', async () => {
  const { page } = await here.open();
  await say(page, 'about wool');
  await answered(page);
  const field = page.locator('#composer');
  await field.focus();
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('composer');
  await page.keyboard.type('shorn');
  expect(await field.inputValue()).toBe('shorn');
  await openReceipt(page);
  await page.keyboard.press('Escape');
  await receipt(page).waitFor({ state: 'detached' });
  await expect.poll(() => page.evaluate('document.activeElement.ariaLabel')).toBe('Receipt');
});

test('Ctrl F over an open receipt is the browser’s own search, and opens none behind it', async () => {
  const { page } = await here.open();
  await say(page, 'about wool');
  await answered(page);
  await openReceipt(page);
  await page.evaluate(`addEventListener('keydown', (event) => (window.isTaken = event.defaultPrevented))`);
  await page.keyboard.press('Control+f');
  expect(await page.evaluate('window.isTaken')).toBe(false);
  await page.keyboard.press('Escape');
  await receipt(page).waitFor({ state: 'detached' });
  const finder = page.getByRole('searchbox', { name: 'Find in this chat' });
  expect(await finder.count()).toBe(0);
  await page.keyboard.press('Control+f');
  await finder.waitFor();
});

test('a chat begun side by side is there after Back, and another place in the page closes what lay over it', async () => {
  const { page } = await here.open();
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

/** Everything that lies over the page on a phone: how it is opened, and what is seen then. */
const layers: [name: string, open: (page: Page) => Promise<void>, seen: (page: Page) => Locator][] = [
  [
    'the sidebar',
    (page) => page.getByRole('button', { name: 'Chats', exact: true }).tap(),
    (page) => page.getByRole('dialog', { name: 'Chats' }),
  ],
  [
    'the side panel',
    (page) => page.getByRole('button', { name: 'Settings of this chat' }).tap(),
    (page) => page.getByRole('dialog', { name: 'Settings of this chat' }),
  ],
  ['the receipt', openReceipt, receipt],
  [
    'side by side',
    (page) => page.getByRole('button', { name: 'Side by side' }).tap(),
    (page) => page.getByRole('dialog', { name: 'Side by side' }),
  ],
  [
    'the palette',
    (page) => page.keyboard.press('Control+k'),
    (page) => page.getByRole('dialog', { name: 'Commands' }),
  ],
  [
    'the shortcuts',
    (page) => page.keyboard.press('Control+/'),
    (page) => page.getByRole('dialog', { name: 'Keyboard shortcuts' }),
  ],
  ['a menu', (page) => page.getByRole('button', { name: /^Model/ }).tap(), (page) => page.getByRole('menu')],
];

/** Two chats, the second shown. */
async function inSecondChat(): Promise<{ page: Page; first: string; second: string }> {
  const { page } = await here.open(phone);
  await say(page, 'about wool');
  await answered(page);
  const first = await hash(page);
  await page.getByRole('button', { name: 'New chat' }).tap();
  await say(page, 'about gates');
  await answered(page);
  return { page, first, second: await hash(page) };
}

test('on a phone Back closes whatever lies over the chat; closed otherwise it costs no step of Back', async () => {
  const { page, first, second } = await inSecondChat();
  for (const [name, open, seen] of layers) {
    await open(page);
    await seen(page).waitFor();
    await page.goBack();
    await seen(page).waitFor({ state: 'detached' });
    expect(await hash(page), name).toBe(second);
    await open(page);
    await seen(page).waitFor();
    await page.keyboard.press('Escape');
    await seen(page).waitFor({ state: 'detached' });
    await page.goBack();
    await expect.poll(() => hash(page), { message: name }).toBe(first);
    await expect.poll(() => page.locator('.message--person').innerText()).toContain('about wool');
    await page.goForward();
    await expect.poll(() => page.locator('.message--person').innerText()).toContain('about gates');
  }
});

test('of two things over each other Back closes the upper, then the lower, then leaves the chat', async () => {
  const { page, first, second } = await inSecondChat();
  await page.getByRole('button', { name: 'Chats', exact: true }).tap();
  const drawer = page.getByRole('dialog', { name: 'Chats' });
  await drawer.locator('.chat-row').first().locator('.chat-row__menu').tap();
  await page.getByRole('menu').waitFor();
  await page.goBack();
  await page.getByRole('menu').waitFor({ state: 'detached' });
  expect(await drawer.isVisible()).toBe(true);
  await page.goBack();
  await drawer.waitFor({ state: 'detached' });
  expect(await hash(page)).toBe(second);
  await page.goBack();
  await expect.poll(() => hash(page)).toBe(first);
});

test('Escape in a field of the drawer ends what the field is for, and the drawer stays', async () => {
  const { page } = await inSecondChat();
  await page.getByRole('button', { name: 'Chats', exact: true }).tap();
  const drawer = page.getByRole('dialog', { name: 'Chats' });
  const search = drawer.getByRole('searchbox');
  await search.fill('wool');
  await search.press('Escape');
  expect(await search.inputValue()).toBe('');
  await drawer.getByRole('button', { name: 'New folder' }).tap();
  const name = drawer.getByRole('textbox', { name: 'Name of the folder' });
  await name.press('Escape');
  await name.waitFor({ state: 'detached' });
  expect(await drawer.isVisible()).toBe(true);
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
});

test('on a phone a place chosen in the drawer takes its place, and the views’ own way back is a step back', async () => {
  const { page, first, second } = await inSecondChat();
  const drawer = page.getByRole('dialog', { name: 'Chats' });
  for (const [link, heading] of [
    ['Settings', 'Appearance'],
    ['Models', 'On this machine'],
  ] as const) {
    await page.getByRole('button', { name: 'Chats', exact: true }).tap();
    await drawer.getByRole('link', { name: link, exact: true }).tap();
    await page.getByRole('heading', { name: heading }).waitFor();
    await drawer.waitFor({ state: 'detached' });
    await page.goBack();
    await expect.poll(() => hash(page)).toBe(second);
    expect(await drawer.count()).toBe(0);
    await page.goForward();
    await page.getByRole('heading', { name: heading }).waitFor();
    await page.getByRole('button', { name: 'Back to the chat' }).tap();
    await expect.poll(() => hash(page)).toBe(second);
  }
  await page.getByRole('button', { name: 'Chats', exact: true }).tap();
  await drawer.locator(`a[href="${first}"]`).tap();
  await drawer.waitFor({ state: 'detached' });
  await expect.poll(() => hash(page)).toBe(first);
  await page.goBack();
  await expect.poll(() => hash(page)).toBe(second);
});

test('Forward and a reload bring nothing back that was closed, and Back still takes one step', async () => {
  const { page, first, second } = await inSecondChat();
  const sheet = page.getByRole('dialog', { name: 'Settings of this chat' });
  await page.getByRole('button', { name: 'Settings of this chat' }).tap();
  await sheet.waitFor();
  await page.goBack();
  await sheet.waitFor({ state: 'detached' });
  await page.goForward();
  expect(await hash(page)).toBe(second);
  expect(await sheet.count()).toBe(0);
  await page.getByRole('button', { name: 'Settings of this chat' }).tap();
  await sheet.waitFor();
  await page.reload();
  await page.locator('.message--answer').waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
  await page.goBack();
  await expect.poll(() => hash(page)).toBe(first);
  await expect.poll(() => page.locator('.message--person').innerText()).toContain('about wool');
});

test('opening a dialog is a step like any other: what Forward led to is gone, and nothing else moves', async () => {
  const { page } = await here.open();
  await say(page, 'about wool');
  await answered(page);
  const first = await hash(page);
  await page.getByRole('link', { name: 'Models' }).click();
  await page.getByRole('heading', { name: 'On this machine' }).waitFor();
  await page.goBack();
  await expect.poll(() => hash(page)).toBe(first);
  // A menu, a find bar and a panel beside the chat are no steps.
  await page.locator('[data-panel-toggle]').click();
  await page.keyboard.press('Control+f');
  await page.goForward();
  await expect.poll(() => hash(page)).toBe('#/models');
  await page.goBack();
  await expect.poll(() => hash(page)).toBe(first);
  await openReceipt(page);
  await page.keyboard.press('Escape');
  await receipt(page).waitFor({ state: 'detached' });
  await page.goForward();
  expect(await hash(page)).toBe(first);
  expect(await page.getByRole('dialog').count()).toBe(0);
  await page.goBack();
  await expect.poll(() => hash(page)).toBe('');
});
