import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningServer } from '../fixtures/running-server.ts';
import { answered, launch, openPage, say, servePage } from './open-page.ts';

/** A name in a LAN: over plain http it is no secure context, as 127.0.0.1 would be. */
const lanName = 'corral.test';
let browser: Browser;
let server: RunningServer;

beforeAll(async () => {
  browser = await launch([`--host-resolver-rules=MAP ${lanName} 127.0.0.1`]);
  server = await servePage({
    script: { tokensPerSecond: 200 },
    environment: { CORRAL_ALLOWED_HOSTS: lanName },
  });
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

const messages = (page: Page): Promise<number> => page.locator('.message--person').count();

test('Enter that chooses a word of an input method sends nothing', async () => {
  const { page, context, problems } = await openPage(browser, server.address);
  const client = await context.newCDPSession(page);
  await page.locator('#composer').focus();
  await page.evaluate(
    `addEventListener('keydown', (event) => (window.wasComposing = event.isComposing), true)`,
  );
  await client.send('Input.imeSetComposition', { text: 'らま', selectionStart: 2, selectionEnd: 2 });
  await client.send('Input.dispatchKeyEvent', {
    type: 'rawKeyDown',
    key: 'Enter',
    code: 'Enter',
    windowsVirtualKeyCode: 229,
  });
  expect(await page.evaluate('window.wasComposing')).toBe(true);
  await client.send('Input.insertText', { text: '羊駝' });
  expect(await messages(page)).toBe(0);
  expect(await page.locator('#composer').inputValue()).toBe('羊駝');
  await page.keyboard.press('Enter');
  expect(await answered(page)).toContain('羊駝');
  expect(problems).toEqual([]);
  await context.close();
});

test('on a phone Enter makes a line and the button sends', async () => {
  const { page, context, problems } = await openPage(browser, server.address, {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  await page.locator('#composer').tap();
  await page.keyboard.type('one');
  await page.keyboard.press('Enter');
  await page.keyboard.type('two');
  expect(await messages(page)).toBe(0);
  await page.getByRole('button', { name: 'Send', exact: true }).tap();
  await answered(page);
  expect(await page.locator('.message--person').innerText()).toMatch(/one\ntwo/);
  // Nothing hovers here: a tap on the message brings its actions.
  const edit = page.locator('.message--person').getByRole('button', { name: 'Edit' });
  expect(await edit.isVisible()).toBe(false);
  await page.locator('.message--person .bubble').tap();
  await edit.waitFor();
  expect(problems).toEqual([]);
  await context.close();
});

test('plain http in a LAN: ids, copying and files have their fallbacks', async () => {
  const address = server.address.replace('127.0.0.1', lanName);
  const { page, context, problems } = await openPage(browser, address);
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
  await page.locator('.code').getByRole('button', { name: 'Copy code' }).click();
  await page.locator('#composer').fill('');
  await page.keyboard.press('Control+v');
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('const wool = 1;');
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('.code').getByRole('button', { name: 'Save code' }).click(),
  ]);
  expect(saved.suggestedFilename()).toBe('code.js');
  // Chromium says of every page without https that one of its headers has no effect there.
  expect(problems.filter((problem) => !problem.includes('Cross-Origin-Opener-Policy'))).toEqual([]);
  await context.close();
});

const drag = (type: string, files: string): string => `(() => {
  const dataTransfer = new DataTransfer();
  for (const file of ${files}) dataTransfer.items.add(file);
  document.body.dispatchEvent(new DragEvent('${type}', { dataTransfer, bubbles: true, cancelable: true }));
})()`;

test('text files are dropped anywhere; large ones and pictures are refused by name', async () => {
  const { page, context, problems } = await openPage(browser, server.address);
  const files = `[
    new File(['grey wool'], 'notes.txt'),
    new File([new Uint8Array([137, 80, 78, 71, 0, 255])], 'herd.png'),
    new File(['x'.repeat(1024 * 1024 + 1)], 'huge.log'),
  ]`;
  await page.evaluate(drag('dragenter', files));
  await page.getByPlaceholder('Drop text files here').waitFor();
  await page.evaluate(drag('dragleave', files));
  await page.getByPlaceholder('Write a message').waitFor();
  await page.evaluate(drag('dragenter', files));
  await page.evaluate(drag('drop', files));
  await page.locator('.composer__files').getByText('notes.txt').waitFor();
  await page.getByText('“herd.png” is not a text file and was not attached.').waitFor();
  await page.getByText(/“huge.log” is larger than 1.0 MB/).waitFor();
  expect(await page.locator('.composer__files li').count()).toBe(1);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await answered(page);
  expect(await page.locator('.message--person').innerText()).toContain('grey wool');
  expect(problems).toEqual([]);
  await context.close();
});

test('what is typed during an answer waits, can come back, and goes out in order', async () => {
  // 512 tokens: long enough to type three messages and to reload.
  const slow = await servePage({ script: { tokensPerSecond: 20 } });
  const { page, context, problems } = await openPage(browser, slow.address);
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
  expect(problems).toEqual([]);
  await context.close();
  await slow.close();
});

test('after Stop what waited is back in the field', async () => {
  const { page, context, problems } = await openPage(browser, server.address);
  await say(page, '/long 4000');
  await page.locator('.message--answer .prose p').first().waitFor();
  await say(page, 'think this over');
  await page.keyboard.press('Escape');
  await page.getByText('Stopped', { exact: true }).first().waitFor();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('think this over');
  expect(await messages(page)).toBe(1);
  expect(problems).toEqual([]);
  await context.close();
});

test('a draft with its files stays with its chat, and comes back when sending fails', async () => {
  const { page, context, problems } = await openPage(browser, server.address);
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
  await page.route('**/runs', (route) => route.abort());
  await say(page, 'refused on its way');
  await page.getByText('The server does not answer.').first().waitFor();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('refused on its way');
  await page.unroute('**/runs');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  expect(await answered(page)).toContain('refused on its way');
  await page.goBack();
  await page.locator('.composer__files').getByText('list.csv').waitFor();
  expect(await page.locator('#composer').inputValue()).toBe('half a thought');
  expect(problems).toEqual([]);
  await context.close();
});
