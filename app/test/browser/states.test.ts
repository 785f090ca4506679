import { expect, test } from 'vitest';
import { axeFaults, axeFaultsInBothThemes, looksAt } from './axe-faults.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

/** What axe finds in the states that a view takes for a while; `views` goes through the views themselves. */
const here = inBrowser(() =>
  servePage({
    script: { tokensPerSecond: 1_000, contextTokens: 1_500 },
    environment: { CORRAL_CONTEXT: '1500' },
  }),
);

/** Each state is gone through rule by rule, which takes seconds of a busy core. */
const axeMs = 300_000;
const still = { reducedMotion: 'reduce' } as const;

test(
  'axe finds no fault where something is edited, sought or listed, has failed, or the server is away',
  { timeout: axeMs },
  async () => {
    const server = await servePage({ script: { tokensPerSecond: 1_000 } });
    const { page } = await here.open({ ...still, address: server.address });
    const { found, look } = looksAt(page);
    await say(page, 'a first question');
    await answered(page);
    await page.locator('#composer').press('ArrowUp');
    await page.getByRole('textbox', { name: 'Edit' }).waitFor();
    await look('message editor');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+f');
    await page.getByRole('searchbox', { name: 'Find in this chat' }).fill('question');
    await page.getByText('1 of 2', { exact: true }).waitFor();
    await look('find bar');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+/');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await look('list of shortcuts');
    await page.keyboard.press('Escape');
    for (const [message, button] of [
      ['/fail 3 engine-hung', 'Continue'],
      ['/fail 0 engine-hung', 'Try again'],
    ] as const) {
      await say(page, message);
      await page.locator('.end-note').last().getByRole('button', { name: button }).waitFor();
    }
    await look('failed answers');
    await server.close();
    await page.locator('.banner').waitFor();
    await look('server away');
    expect(found).toEqual({});
  },
);

test(
  'nor in two answers beside each other, in the trash, and in what the model no longer sees',
  { timeout: axeMs },
  async () => {
    const filler = 'The herd went over the hill and came back in the evening. '.repeat(8);
    const messages = Array.from({ length: 12 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `${index}: ${filler}`,
    }));
    const { body } = await here.server.call('POST', '/api/import', { 'a long talk': messages });
    const [chatId = ''] = body['chatIds'] as string[];
    const gone = await here.server.call('POST', '/api/chats', { title: 'A chat that is gone' });
    await here.server.call('DELETE', `/api/chats/${String(gone.body['id'])}`);
    const { page } = await here.open({ ...still, path: `/#/c/${chatId}` });
    const { found, look } = looksAt(page);
    await page.locator('.message').last().waitFor();
    await say(page, 'what did I ask first?');
    await page.locator('.context-line').waitFor();
    await answered(page);
    await page.locator('.message[data-unseen]').last().scrollIntoViewIfNeeded();
    await look('above the context line');
    await page.getByRole('button', { name: 'Trash' }).click();
    await page.locator('.trash-row').first().waitFor();
    await look('trash');
    await page.getByRole('button', { name: 'Side by side' }).click();
    const dialog = page.getByRole('dialog', { name: 'Side by side' });
    await dialog.getByRole('textbox', { name: 'Message to both' }).fill('which of you');
    await dialog.getByRole('button', { name: 'Answer with both' }).click();
    await dialog.getByRole('button', { name: 'Keep this one' }).nth(1).waitFor();
    await look('answers side by side');
    expect(found).toEqual({});
  },
);

test('nor in the ways in, at first and when the session is over', { timeout: axeMs }, async () => {
  const key = 'the-key-of-this-corral';
  const locked = await servePage({ environment: { CORRAL_ACCESS_KEY: key } });
  const context = await here.browser.newContext(still);
  const page = await context.newPage();
  await page.goto(locked.address);
  await page.getByLabel('Access key').fill('not the key at all');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect.poll(() => page.getByRole('alert').innerText()).not.toBe('');
  // A page of its own, which takes its theme from the system alone.
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await axeFaults(page), colorScheme).toEqual([]);
  }
  await page.getByLabel('Access key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.empty[data-ready]').waitFor();
  await context.clearCookies();
  await say(page, 'after the session ended');
  const dialog = page.getByRole('dialog', { name: 'This Corral asks for its access key' });
  await dialog.getByLabel('Access key').fill('still not the key');
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await dialog.getByText('That key is not right.').waitFor();
  expect(await axeFaultsInBothThemes(page)).toEqual([]);
  await dialog.getByLabel('Access key').fill(key);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.goto(`${locked.address}/#/settings/about`);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  expect(await axeFaultsInBothThemes(page)).toEqual([]);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await page.goto(locked.address);
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(await page.content()).not.toContain('after the session ended');
  await context.close();
  await locked.close();
});

test('whoever is signed in and follows a link of another site is let in', async () => {
  const key = 'the-key-of-this-corral';
  const locked = await servePage({ environment: { CORRAL_ACCESS_KEY: key } });
  const context = await here.browser.newContext(still);
  const page = await context.newPage();
  await page.goto(locked.address);
  await page.getByLabel('Access key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.empty[data-ready]').waitFor();
  const elsewhere = 'http://elsewhere.example/';
  const body = `<a href="${locked.address}/">to the corral</a>`;
  await page.route(elsewhere, (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(elsewhere);
  await page.getByRole('link').click();
  await page.locator('.empty[data-ready]').waitFor();
  await context.close();
  await locked.close();
});
