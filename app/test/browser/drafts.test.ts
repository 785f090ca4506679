import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage, watch, type WatchedPage } from './open-page.ts';

/** A name in a LAN: over plain http it is no secure context, as 127.0.0.1 would be. */
const lanName = 'corral.test';

const here = inBrowser(
  () =>
    servePage({
      script: { tokensPerSecond: 200 },
      environment: { CORRAL_ALLOWED_HOSTS: lanName },
    }),
  { switches: [`--host-resolver-rules=MAP ${lanName} 127.0.0.1`] },
);

const messages = (page: Page): Promise<number> => page.locator('.message--person').count();

async function openInLan(): Promise<Page> {
  const address = here.server.address.replace('127.0.0.1', lanName);
  // Chromium says of every page without https that one of its headers has no effect there.
  const { page } = await here.open({ address, expected: /Cross-Origin-Opener-Policy/ });
  return page;
}

test('plain http in a LAN: ids, copying and files have their fallbacks', async () => {
  const page = await openInLan();
  expect(await page.evaluate('isSecureContext')).toBe(false);
  expect(await page.evaluate('"clipboard" in navigator || "randomUUID" in crypto')).toBe(false);
  await say(page, '/say far from https');
  expect(await answered(page)).toBe('far from https');
  await page.locator('.message--answer').getByRole('button', { name: 'Copy', exact: true }).click();
  await page.getByText('Copied', { exact: true }).waitFor();
  await page.locator('#composer').focus();
  await page.keyboard.press('Control+v');
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('far from https');
  await say(page, '/say ```js\nconst wool = 1;\n```');
  // What is still being written would be copied as far as it goes.
  await answered(page);
  await page.locator('.code').getByRole('button', { name: 'Copy code' }).click();
  await page.locator('#composer').fill('');
  await page.keyboard.press('Control+v');
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('const wool = 1;');
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('.code').getByRole('button', { name: 'Save code' }).click(),
  ]);
  expect(saved.suggestedFilename()).toBe('code.js');
});

test('plain http in a LAN: a dialog is copied from as well, and what cannot be copied is said', async () => {
  const page = await openInLan();
  await say(page, '/say ```js\nconst wool = 1;\n```');
  await answered(page);
  const answer = page.locator('.message--answer');
  await answer.getByRole('button', { name: 'Receipt' }).click();
  const copy = page.getByRole('dialog', { name: 'Receipt' }).getByRole('button', { name: 'Copy as JSON' });
  await copy.click();
  await page.getByText('Copied', { exact: true }).waitFor();
  expect(await copy.evaluate((button) => button === button.ownerDocument.activeElement)).toBe(true);
  await page.keyboard.press('Escape');
  await page.locator('#composer').focus();
  await page.keyboard.press('Control+v');
  await expect.poll(() => page.locator('#composer').inputValue()).toContain('"endReason"');

  // As in a browser whose settings forbid it.
  await page.evaluate('document.execCommand = () => false');
  const notice = page.getByRole('alert').filter({ hasText: 'This could not be copied' });
  for (const name of ['Copy', 'Copy code']) {
    await answer.getByRole('button', { name, exact: true }).click();
    await notice.waitFor();
    await notice.getByRole('button', { name: 'Close' }).click();
    await notice.waitFor({ state: 'detached' });
  }
});

test('what is typed during an answer waits, can come back, and goes out in order', async () => {
  // 512 tokens: long enough to type three messages and to reload.
  const slow = await servePage({ script: { tokensPerSecond: 20 } });
  const { page, context } = await here.open({ address: slow.address });
  await say(page, '/long 4000');
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  for (const text of ['second question', 'not this one', 'third question']) await say(page, text);
  const waiting = page.locator('.waiting__item');
  await expect.poll(() => waiting.count()).toBe(3);
  await page.reload();
  await waiting.nth(2).waitFor();
  await waiting.nth(1).getByRole('button', { name: 'Put back into the field' }).click();
  expect(await page.locator('#composer').inputValue()).toBe('not this one');
  await expect.poll(() => messages(page), { timeout: 60_000 }).toBe(3);
  await expect.poll(() => page.locator('.message--answer').last().innerText()).toContain('third question');
  expect(await page.locator('.message--person').nth(1).innerText()).toContain('second question');
  expect(await page.locator('#composer').inputValue()).toBe('not this one');
  await context.close();
  await slow.close();
});

test('what waits behind an answer further up that is gone on with comes back where that is stopped', async () => {
  const slow = await servePage({ script: { tokensPerSecond: 40 } });
  const { page, context } = await here.open({ address: slow.address });
  const stop = page.getByRole('button', { name: 'Stop', exact: true });
  await say(page, '/long 4000');
  await page.locator('.message--answer .prose p').first().waitFor();
  await stop.click();
  await page.getByText('Stopped', { exact: true }).first().waitFor();
  await say(page, '/say the end of it');
  await expect.poll(() => page.locator('.message--answer').last().innerText()).toContain('the end of it');
  await stop.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Continue' }).click();
  await stop.waitFor();
  await say(page, 'think twice');
  await page.locator('.waiting__item').waitFor();
  await stop.click();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('think twice');
  expect(await messages(page)).toBe(2);
  await context.close();
  await slow.close();
});

test('a long paste and a file are still there after a reload; one that is too large for that is named', async () => {
  const { page } = await here.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  const attach = (name: string, text: string): Promise<void> =>
    page
      .locator('input[type=file]')
      .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  await page.locator('#composer').focus();
  await page.evaluate(`navigator.clipboard.writeText('wool '.repeat(5000))`);
  await page.keyboard.press('Control+v');
  await attach('list.csv', 'name,age\nPaco,7');
  await attach('long.log', 'x'.repeat(500_000));
  const files = page.locator('.composer__files li');
  await expect.poll(() => files.count()).toBe(3);
  await page.reload();
  await page.getByText('“long.log” was too large to be kept').waitFor();
  await expect.poll(() => files.count()).toBe(2);
  // Told once.
  await expect.poll(() => page.evaluate(`sessionStorage.getItem('corral.unsent')`)).not.toContain('long.log');
  const words = (await files.allInnerTexts()).join();
  expect(words).toMatch(/Pasted text[^]*25,000[^]*list\.csv/);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await answered(page);
  expect(await page.locator('.message--person').innerText()).toContain('Paco,7');
});

test('what is written in a chat that is deleted elsewhere goes along into a new one', async () => {
  const { page } = await here.open();
  await say(page, 'a chat that will be gone');
  await answered(page);
  await page.locator('#composer').fill('a long thought');
  await page.locator('input[type=file]').setInputFiles({
    name: 'list.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('name,age\nPaco,7'),
  });
  await here.server.call('DELETE', `/api/chats/${page.url().split('/').at(-1)}`);
  await page.getByText('What you wrote in it goes along into a new chat.').waitFor();
  await page.locator('.notice-page').getByRole('button', { name: 'New chat' }).click();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('a long thought');
  await page.locator('.composer__files').getByText('list.csv').waitFor();
  await page.goBack();
  await page.getByText('This chat is not here.').waitFor();
  expect(await page.getByText('What you wrote in it').count()).toBe(0);
});

test('where a waiting message is refused, those behind it come back with it instead of going out alone', async () => {
  const slow = await servePage({ script: { tokensPerSecond: 20 } });
  const { page, context } = await here.open({ address: slow.address });
  // Ten seconds: long enough to write two messages.
  await say(page, '/long 80');
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  for (const text of ['asked next', 'asked after that']) await say(page, text);
  await expect.poll(() => page.locator('.waiting__item').count()).toBe(2);
  const error = { code: 'disk-full', message: 'There is no room left.' };
  await page.route('**/runs', (route) => route.fulfill({ status: 507, json: { error } }), { times: 1 });
  await page.getByText('There is no room left.').first().waitFor({ timeout: 60_000 });
  // Something of the chat changes, as it does when one signs in again.
  const path = `/api/chats/${page.url().split('/').at(-1)}`;
  await slow.call('PATCH', path, { title: 'told to all tabs' });
  await page.getByRole('link', { name: 'told to all tabs' }).waitFor();
  // The chat itself is looked at again a moment later.
  await page.waitForTimeout(2_000);
  expect(await page.locator('#composer').inputValue()).toBe('asked next\n\nasked after that');
  expect(await page.locator('.waiting__item').count()).toBe(0);
  expect(await messages(page)).toBe(1);
  await context.close();
  await slow.close();
});

test('a draft with its files stays with its chat, and comes back when it is refused', async () => {
  const { page } = await here.open();
  await say(page, 'a chat to come back to');
  await answered(page);
  await page.locator('#composer').fill('half a thought');
  await page.locator('input[type=file]').setInputFiles({
    name: 'list.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('name,age\nPaco,7'),
  });
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('');
  // The chat is made, the message is refused: both are shown, and nothing is lost.
  const error = { code: 'disk-full', message: 'There is no room left.' };
  await page.route('**/runs', (route) => route.fulfill({ status: 507, json: { error } }));
  await say(page, 'refused on its way');
  await page.getByText('There is no room left.').first().waitFor();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('refused on its way');
  await page.unroute('**/runs');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  expect(await answered(page)).toContain('refused on its way');
  await page.goBack();
  await page.locator('.composer__files').getByText('list.csv').waitFor();
  expect(await page.locator('#composer').inputValue()).toBe('half a thought');
});

/** Another tab of the same browser. */
async function another({ context, problems }: WatchedPage, address: string): Promise<Page> {
  const tab = await context.newPage();
  await watch(tab, address, problems);
  await tab.goto(address);
  await tab.locator('#composer').waitFor();
  return tab;
}

const field = (page: Page) => page.locator('#composer');
const keptTexts = async (page: Page): Promise<string> =>
  String(await page.evaluate(`localStorage.getItem('corral.drafts')`));

test('what another tab wrote for a new chat stays when a new chat is begun here', async () => {
  const shown = await here.open();
  await say(shown.page, 'a chat of the first tab');
  await answered(shown.page);
  const writing = await another(shown, `${here.server.address}/#/`);
  await field(writing).fill('a long thought');
  await expect.poll(() => keptTexts(writing)).toContain('a long thought');
  await writing.close();
  await shown.page.getByRole('button', { name: 'New chat' }).first().click();
  await shown.page.locator('.empty').waitFor();
  await shown.page.getByRole('button', { name: 'Temporary chat' }).click();
  // Longer than the page rests before it keeps what changed.
  await shown.page.waitForTimeout(1_000);
  const third = await another(shown, `${here.server.address}/#/`);
  await expect.poll(() => field(third).inputValue()).toBe('a long thought');
});

test('a reload shows what another tab went on to write in the same chat, or has sent', async () => {
  const shown = await here.open();
  const { page } = shown;
  await say(page, 'a chat in two tabs');
  await answered(page);
  await field(page).fill('hello');
  await expect.poll(() => keptTexts(page)).toContain('"hello"');
  const other = await another(shown, page.url());
  await expect.poll(() => field(other).inputValue()).toBe('hello');
  await field(other).fill('hello and much more');
  await expect.poll(() => keptTexts(other)).toContain('much more');
  await page.reload();
  await expect.poll(() => field(page).inputValue()).toBe('hello and much more');
  await other.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(() => messages(other)).toBe(2);
  await expect.poll(() => keptTexts(other)).not.toContain('much more');
  await page.reload();
  await page.locator('.message').first().waitFor();
  expect(await field(page).inputValue()).toBe('');
});

const waiting = (page: Page) => page.locator('.waiting__item');
const keptInTab = async (page: Page): Promise<string> =>
  String(await page.evaluate(`sessionStorage.getItem('corral.unsent')`));

/** A page in whose chat an answer is being written for as many tokens, twenty in a second. */
async function whileAnswering(tokens: number) {
  const slow = await servePage({ script: { tokensPerSecond: 20 } });
  onTestFinished(() => slow.close());
  const shown = await here.open({ address: slow.address });
  const { page } = shown;
  await say(page, `/long ${tokens}`);
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  const path = `/api/chats/${page.url().split('/').at(-1)}`;
  /** What people wrote in the chat, as the server has it. */
  const asked = async (): Promise<string[]> => {
    const messages = (await slow.call('GET', path)).body['messages'] as { role: string; content: string }[];
    return messages.filter(({ role }) => role === 'user').map(({ content }) => content);
  };
  const active = async (): Promise<unknown> => (await slow.call('GET', '/api/runs?active=1')).body['runs'];
  return { shown, page, asked, active };
}

test('where the tab is closed in which messages wait, their words are in the field of the next one', async () => {
  const { shown, page } = await whileAnswering(400);
  for (const text of ['a long question that waits', 'and one behind it']) await say(page, text);
  await field(page).fill('half a thought');
  await expect.poll(() => keptTexts(page)).toContain('half a thought');
  const address = page.url();
  await page.close();
  const next = await another(shown, address);
  await expect
    .poll(() => field(next).inputValue())
    .toBe('a long question that waits\n\nand one behind it\n\nhalf a thought');
  expect(await waiting(next).count()).toBe(0);
});

test('what waits goes out once, also where the tab was duplicated, or is brought back as it was before', async () => {
  const { shown, page, asked, active } = await whileAnswering(300);
  const all = ['/long 300', 'second question', 'third question'];
  for (const text of [...all.slice(1), 'not this one']) await say(page, text);
  await expect.poll(() => keptInTab(page)).toContain('not this one');
  const [copy] = await Promise.all([
    shown.context.waitForEvent('page'),
    page.evaluate('void window.open(location.href)'),
  ]);
  await watch(copy, page.url(), shown.problems);
  await waiting(copy).nth(2).waitFor();
  await waiting(page).nth(2).getByRole('button', { name: 'Do not send' }).click();
  await expect.poll(() => waiting(copy).count()).toBe(2);
  await expect.poll(() => keptInTab(page)).not.toContain('not this one');
  const before = await keptInTab(page);
  await expect.poll(asked, { timeout: 60_000 }).toEqual(all);
  await expect.poll(active).toEqual([]);
  for (const tab of [page, copy]) {
    await expect.poll(() => messages(tab)).toBe(3);
    await expect.poll(() => tab.locator('.waiting').count()).toBe(0);
    expect(await field(tab).inputValue()).toBe('');
    await expect.poll(() => keptInTab(tab)).not.toContain('third question');
  }
  await page.evaluate(`sessionStorage.setItem('corral.unsent', ${JSON.stringify(before)})`);
  const sentAgain = page.waitForResponse(
    (response) => response.request().postData()?.includes('third question') === true,
  );
  await page.reload();
  await sentAgain;
  await expect.poll(() => page.locator('.waiting').count()).toBe(0);
  await expect.poll(() => messages(page)).toBe(3);
  expect(await field(page).inputValue()).toBe('');
  expect(await asked()).toEqual(all);
  // It was answered long ago.
  expect(await page.getByRole('img', { name: 'Answering' }).count()).toBe(0);
});

test('a message goes out that waits in a chat which is not shown after a reload', async () => {
  const { page, asked } = await whileAnswering(100);
  await say(page, 'asked next');
  await expect.poll(() => keptInTab(page)).toContain('asked next');
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.reload();
  await page.locator('.empty').waitFor();
  await expect.poll(asked, { timeout: 30_000 }).toEqual(['/long 100', 'asked next']);
});

test('what is thrown away while it waits does not come back in a tab that shows the chat only later', async () => {
  const { shown, page } = await whileAnswering(400);
  const other = await another(shown, `${new URL(page.url()).origin}/#/`);
  await say(page, 'not this one');
  await expect.poll(() => keptTexts(page)).toContain('not this one');
  await waiting(page).getByRole('button', { name: 'Do not send' }).click();
  await expect.poll(() => keptTexts(page)).not.toContain('not this one');
  await other.locator('.chat-row').first().click();
  await other.locator('.message--person').waitFor();
  expect(await field(other).inputValue()).toBe('');
});

test('what waits is in the field of another tab as well, until it has gone out or was thrown away', async () => {
  const { shown, page, asked } = await whileAnswering(300);
  for (const text of ['asked next', 'not this one', 'asked after that']) await say(page, text);
  await field(page).fill('half a thought');
  await expect.poll(() => keptTexts(page)).toContain('half a thought');
  const other = await another(shown, page.url());
  const all = ['asked next', 'not this one', 'asked after that', 'half a thought'];
  await expect.poll(() => field(other).inputValue()).toBe(all.join('\n\n'));
  await waiting(page).nth(1).getByRole('button', { name: 'Do not send' }).click();
  await expect.poll(() => field(other).inputValue()).toBe('asked next\n\nasked after that\n\nhalf a thought');
  await expect.poll(asked, { timeout: 60_000 }).toEqual(['/long 300', 'asked next', 'asked after that']);
  for (const tab of [page, other]) await expect.poll(() => field(tab).inputValue()).toBe('half a thought');
  await expect.poll(() => keptTexts(page)).toMatch(/:"half a thought"/);
});

test('the first message of a chat leaves the field of another tab when it has gone out', async () => {
  const shown = await here.open();
  const { page } = shown;
  await field(page).fill('for a chat that is not there yet');
  await expect.poll(() => keptTexts(page)).toContain('not there yet');
  const other = await another(shown, `${here.server.address}/#/`);
  await expect.poll(() => field(other).inputValue()).toBe('for a chat that is not there yet');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await answered(page);
  await expect.poll(() => field(other).inputValue()).toBe('');
});

test('what is typed outlives the tab also beside a waiting message for which there is no room', async () => {
  const { shown, page } = await whileAnswering(400);
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'long.log', mimeType: 'text/plain', buffer: Buffer.from('x'.repeat(400_000)) });
  await page.locator('.composer__files').getByText('long.log').waitFor();
  await say(page, 'What does it say?');
  await waiting(page).waitFor();
  await field(page).fill('half a thought');
  await expect.poll(() => keptTexts(page)).toContain('half a thought');
  const address = page.url();
  await page.close();
  const next = await another(shown, address);
  await expect.poll(() => field(next).inputValue()).toBe('half a thought');
});

test('what waits in a tab that comes back after more than a day is in its field, and does not go out', async () => {
  const { page } = await here.open();
  await say(page, 'asked today');
  await answered(page);
  const chatId = page.url().split('/').at(-1) ?? '';
  const path = `/api/chats/${chatId}`;
  const at = Date.now() - 30 * 60 * 60 * 1000;
  const queued = [
    { id: 'f8a2a5f2-58a1-4a6e-9e62-0c4f1a1f7c01', content: 'asked on Friday', at },
    { id: 'f8a2a5f2-58a1-4a6e-9e62-0c4f1a1f7c02', content: 'and then', at },
  ];
  const kept = { [chatId]: { text: '', waiting: queued, isTemporary: false, isShared: false } };
  // Nothing that the page would keep is left to be kept.
  await page.waitForTimeout(1_000);
  await page.evaluate(`sessionStorage.setItem('corral.unsent', ${JSON.stringify(JSON.stringify(kept))})`);
  await page.reload();
  await expect.poll(() => field(page).inputValue()).toBe('asked on Friday\n\nand then');
  expect(await waiting(page).count()).toBe(0);
  const { body } = await here.server.call('GET', path);
  expect(JSON.stringify(body['messages'])).not.toContain('asked on Friday');
});
