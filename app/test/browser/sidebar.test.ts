import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() =>
  servePage({ script: { tokensPerSecond: 500 }, environment: { CORRAL_TRASH_DAYS: '91' } }),
);

const error = { code: 'internal', message: 'Something broke at the server.' };

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Title and age in days, each in the middle of its group whatever the hour is. */
const ages: [title: string, days: number, group: string][] = [
  ['Said yesterday', 1, 'Yesterday'],
  ['Said this week', 4, 'Previous 7 days'],
  ['Said this month', 15, 'Previous 30 days'],
  ['Said long ago', 90, 'Older'],
];

test('chats stand in groups by when something was last said in them, the newest first', async () => {
  const chats = ages.map(([title, days], index) => {
    const updatedAt = Date.now() - days * dayMs;
    const message = { id: `00000000-0000-7000-8000-00000000000${index}`, parentId: null };
    return {
      chat: { title, createdAt: updatedAt, updatedAt },
      messages: [{ ...message, role: 'user', content: title }],
    };
  });
  await here.server.call('POST', '/api/import', { format: 'corral', version: 1, chats });
  const { page } = await here.open();
  await say(page, 'said just now');
  await answered(page);
  const list = page.locator('.sidebar');
  await expect
    .poll(() => list.getByRole('heading').allInnerTexts())
    .toEqual(['Today', ...ages.map(([, , group]) => group)]);
  for (const [title, , group] of ages)
    expect(await list.getByRole('region', { name: group }).innerText()).toContain(title);
});

test('a name that is being written stays in its field where the row of the chat moves', async () => {
  const { body } = await here.server.call('POST', '/api/chats', { title: 'Said this hour' });
  const { page } = await here.open();
  const list = page.locator('.sidebar');
  await list.getByRole('link', { name: 'Said this hour' }).press('F2');
  const field = page.getByRole('textbox', { name: 'Title of the chat' });
  await field.fill('my long careful');
  await here.server.call('PATCH', `/api/chats/${String(body['id'])}`, { pinned: true });
  const pinned = list.getByRole('region', { name: 'Pinned' });
  await pinned.getByRole('textbox').waitFor();
  expect(await field.inputValue()).toBe('my long careful');
  // The cursor is where it was.
  await page.keyboard.type(' name');
  await page.keyboard.press('Enter');
  await pinned.getByRole('link', { name: 'my long careful name' }).waitFor();
  await here.server.call('PATCH', `/api/chats/${String(body['id'])}`, { pinned: false });
});

test('what is said of the time stays true while nothing else happens', async () => {
  const { page } = await here.open();
  await page.clock.install();
  await page.reload();
  await say(page, 'asked before lunch');
  await answered(page);
  const footer = page.locator('.message--answer .message__footer time');
  expect(await footer.innerText()).toBe('now');
  const titles = page.locator('.chat-group__title');
  await expect.poll(() => titles.first().innerText()).toBe('Today');
  await page.clock.fastForward(hourMs);
  await expect.poll(() => footer.innerText()).toBe('1 hour ago');
  // The same hour of the next day: an hour more could be the day after it.
  await page.clock.fastForward(dayMs - hourMs);
  await expect.poll(() => titles.first().innerText()).toBe('Yesterday');
  // The page's clock may lag a little behind the server's.
  await page.clock.fastForward(hourMs);
  const { body } = await here.server.call('POST', '/api/chats', { title: 'Thrown away' });
  await here.server.call('DELETE', `/api/chats/${String(body['id'])}`);
  await page.getByRole('button', { name: 'Trash' }).click();
  const entry = page.getByRole('listitem').filter({ hasText: 'Thrown away' });
  await entry.getByText('yesterday').waitFor();
  await page.clock.fastForward(3 * dayMs);
  await entry.getByText('4 days ago').waitFor();
  await entry.getByRole('button', { name: 'Delete for good' }).click();
  await entry.waitFor({ state: 'detached' });
});

test('settings of a chat become those of new chats when one says so, beside what was said before', async () => {
  const { page } = await here.open();
  await say(page, 'with settings of its own');
  await answered(page);
  await page.locator('[data-panel-toggle]').click();
  const field = page.getByRole('spinbutton', { name: 'Temperature' });
  await field.fill('0.45');
  await page.getByRole('button', { name: 'Reset Temperature' }).waitFor();
  await page.getByRole('button', { name: 'Use for new chats' }).click();
  await page.getByText('New chats start with these settings').waitFor();
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await expect.poll(() => field.inputValue()).toBe('0.45');
  await expect.poll(() => page.locator('.panel').innerText()).toContain('from your settings: 0.45');

  const second = page.getByRole('spinbutton', { name: 'Top-k' });
  await second.fill('10');
  await page.getByRole('button', { name: 'Reset Top-k' }).waitFor();
  await page.getByRole('button', { name: 'Use for new chats' }).click();
  const preferred = async (): Promise<unknown> =>
    (await here.server.call('GET', '/api/preferences')).body['settings'];
  await expect.poll(preferred).toEqual({ sampling: { temperature: 0.45, topK: 10 } });
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await expect.poll(() => page.locator('.panel').innerText()).toContain('from your settings: 10');
  expect([await field.inputValue(), await second.inputValue()]).toEqual(['0.45', '10']);
});

test('Escape in a field of one line stops no answer, and an input method has its Enter to itself', async () => {
  const { page, context } = await here.open();
  await say(page, '/hang 5');
  const stop = page.getByRole('button', { name: 'Stop', exact: true });
  await stop.waitFor();
  const row = page.locator('.chat-row__link[aria-current=page]');
  const rename = page.getByRole('textbox', { name: 'Title of the chat' });
  await row.focus();
  await page.keyboard.press('F2');
  await rename.fill('not this');
  await rename.press('Escape');
  await rename.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'New folder' }).click();
  await page.getByRole('textbox', { name: 'Name of the folder' }).press('Escape');
  const search = page.getByRole('searchbox', { name: 'Search everything' });
  await search.fill('llama');
  await search.press('Escape');
  expect(await search.inputValue()).toBe('');
  expect(await stop.isVisible()).toBe(true);
  expect(await row.innerText()).not.toContain('not this');

  await row.focus();
  await page.keyboard.press('F2');
  await rename.waitFor();
  const client = await context.newCDPSession(page);
  await client.send('Input.imeSetComposition', { text: 'らま', selectionStart: 2, selectionEnd: 2 });
  await client.send('Input.dispatchKeyEvent', {
    type: 'rawKeyDown',
    key: 'Enter',
    code: 'Enter',
    windowsVirtualKeyCode: 229,
  });
  await client.send('Input.insertText', { text: '羊駝' });
  expect(await rename.inputValue()).toBe('羊駝');
  await rename.press('Enter');
  await expect.poll(() => row.innerText()).toBe('羊駝');

  await page.locator('#composer').press('Escape');
  await page.getByText('Stopped', { exact: true }).first().waitFor();
});

test('a deleted folder is gone for good, and its chats are in none, however many they are', async () => {
  for (let count = 0; count < 104; count++)
    await here.server.call('POST', '/api/chats', { title: `Sheep ${count}`, folder: 'Herd' });
  const { page } = await here.open();
  const folder = (name: string): Locator => page.getByRole('region', { name, exact: true });
  const make = async (name: string): Promise<void> => {
    await page.getByRole('button', { name: 'New folder' }).click();
    await page.keyboard.type(name);
    await page.keyboard.press('Enter');
    await folder(name).waitFor();
  };
  const remove = async (name: string): Promise<void> => {
    await folder(name).hover();
    await folder(name)
      .getByRole('button', { name: `Actions for ${name}`, exact: true })
      .click();
    await page.getByRole('menuitem', { name: 'Delete folder, keep its chats' }).click();
    await folder(name).waitFor({ state: 'detached' });
  };
  await make('Wool');
  await remove('Wool');
  await make('Felt');
  expect(await folder('Wool').count()).toBe(0);
  await remove('Herd');
  const herd = async (): Promise<unknown> =>
    (await here.server.call('GET', '/api/chats?folder=Herd')).body['chats'];
  await expect.poll(herd).toEqual([]);
  await page.reload();
  await folder('Felt').waitFor();
  expect(await folder('Wool').count()).toBe(0);
});

test('a folder is there with all of its chats, however far back they are', async () => {
  const ids: string[] = [];
  for (let count = 0; count < 110; count++) {
    const { body } = await here.server.call('POST', '/api/chats', { title: `Crop ${count}` });
    ids.push(String(body['id']));
  }
  // What is moved keeps its age: two of these are beyond the first hundred.
  for (const id of [ids[0], ids[1], ids[109]])
    await here.server.call('PATCH', `/api/chats/${id}`, { folder: 'Harvest' });
  const { page } = await here.open();
  const folder = page.getByRole('region', { name: 'Harvest', exact: true });
  await expect.poll(() => folder.locator('.folder__head').innerText()).toMatch(/Harvest\s*3/);
  const head = folder.getByRole('button', { name: 'Harvest' }).first();
  await head.click();
  await expect
    .poll(() => folder.locator('.chat-row').allInnerTexts())
    .toEqual(['Crop 109', 'Crop 1', 'Crop 0']);
  await head.click();
  await folder.locator('.chat-row').first().waitFor({ state: 'detached' });
  await head.click();
  await expect.poll(() => folder.locator('.chat-row').count()).toBe(3);
  // One of them goes elsewhere, by a folder that the list of chats has not come to.
  await here.server.call('PATCH', `/api/chats/${ids[2]}`, { folder: 'Barn' });
  await page.getByRole('region', { name: 'Barn', exact: true }).waitFor();
  const row = folder.locator('.chat-row', { hasText: 'Crop 0' });
  await row.hover();
  await row.getByRole('button', { name: 'Actions for Crop 0' }).click();
  await page.getByRole('menuitem', { name: 'Move to folder' }).hover();
  await page.getByRole('menuitem', { name: 'Barn' }).click();
  await expect.poll(() => folder.locator('.chat-row').allInnerTexts()).toEqual(['Crop 109', 'Crop 1']);
});

test('folders that the list of chats has not come to are asked for only where they are unfolded', async () => {
  for (let count = 0; count < 12; count++)
    await here.server.call('POST', '/api/chats', { title: `Old ${count}`, folder: `Fold ${count}` });
  for (let count = 0; count < 110; count++)
    await here.server.call('POST', '/api/chats', { title: `New ${count}` });
  const { page } = await here.open();
  const asked: string[] = [];
  page.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === '/api/chats' && searchParams.has('folder')) asked.push(searchParams.get('folder') ?? '');
  });
  const folder = page.getByRole('region', { name: 'Fold 7', exact: true });
  await page.reload();
  await folder.waitFor();
  await say(page, 'hello');
  await answered(page);
  await page.waitForTimeout(1_000);
  expect(asked).toEqual([]);
  const head = folder.getByRole('button', { name: 'Fold 7' }).first();
  expect(await head.getAttribute('aria-expanded')).toBe('false');
  await head.click();
  await folder.getByText('Old 7', { exact: true }).waitFor();
  // It stays as it was left.
  await page.reload();
  await folder.getByText('Old 7', { exact: true }).waitFor();
  expect(new Set(asked)).toEqual(new Set(['Fold 7']));
});

test('a copy of a chat is shown at once, beside the one it was made of', async () => {
  const { body } = await here.server.call('POST', '/api/import', {
    'The first of two': [{ role: 'user', content: 'said once' }],
  });
  const [chatId = ''] = body['chatIds'] as string[];
  const { page } = await here.open({ path: `/#/c/${chatId}` });
  const row = page.locator('.chat-row[data-current]');
  await row.hover();
  await row.getByRole('button').click();
  await page.getByRole('menuitem', { name: 'Duplicate' }).click();
  await expect.poll(() => page.url()).not.toContain(chatId);
  await page.locator('.message--person').getByText('said once').waitFor();
  await expect.poll(() => page.locator('.chat-row', { hasText: 'The first of two' }).count()).toBe(2);
});

test('chats that cannot be asked for again stay listed', async () => {
  const { body } = await here.server.call('POST', '/api/chats', { title: 'Listed in any case' });
  const { page } = await here.open();
  const row = page.locator('.chat-row', { hasText: 'Listed in any case' });
  await row.waitFor();
  await page.route(/\/api\/chats\?/, (route) => route.fulfill({ status: 500, json: { error } }));
  const failed = page.waitForResponse((response) => response.status() === 500);
  await here.server.call('PATCH', `/api/chats/${String(body['id'])}`, { pinned: true });
  await failed;
  await page.waitForTimeout(500);
  expect(await row.count()).toBe(1);
});

test('the trash is said to be empty only where that is known; an entry tells when it goes', async () => {
  const { body } = await here.server.call('POST', '/api/chats', { title: 'To be thrown away' });
  const { page } = await here.open();
  let fail = (): void => undefined;
  const held = new Promise<void>((resolve) => (fail = resolve));
  await page.route(/\/api\/trash/, async (route) => {
    await held;
    await route.fulfill({ status: 500, json: { error } });
  });
  await page.getByRole('button', { name: 'Trash' }).click();
  const trash = page.getByRole('region', { name: 'Trash' });
  await trash.getByRole('progressbar', { name: 'Loading' }).waitFor();
  expect(await trash.innerText()).not.toContain('empty');
  fail();
  await trash.getByRole('alert').getByText(error.message).waitFor();
  expect(await trash.innerText()).not.toContain('empty');
  await page.unroute(/\/api\/trash/);
  await trash.getByRole('button', { name: 'Try again' }).click();
  await trash.getByText('The trash is empty.').waitFor();
  await here.server.call('DELETE', `/api/chats/${String(body['id'])}`);
  const entry = trash.getByRole('listitem').filter({ hasText: 'To be thrown away' });
  await entry.waitFor();
  expect(await entry.innerText()).toContain('gone in 3 months');
  expect(await trash.innerText()).not.toContain('30 days');
});

test('the trash and a new folder are shown also while something is sought', async () => {
  const { page } = await here.open();
  const search = page.getByRole('searchbox', { name: 'Search everything' });
  await search.fill('nothing like this');
  await page.getByText('Nothing found for').waitFor();
  await page.getByRole('button', { name: 'Trash' }).click();
  await page.getByRole('button', { name: 'Back to chats' }).waitFor();
  expect(await search.inputValue()).toBe('');
  await page.getByRole('button', { name: 'New folder' }).click();
  await page.getByRole('textbox', { name: 'Name of the folder' }).waitFor();
});
