import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage({ script: { tokensPerSecond: 200 } }));

const messages = (page: Page): Promise<number> => page.locator('.message--person').count();

/** A key that the input method takes, in whichever field has the focus. */
async function pressWhileComposing(page: Page, client: CDPSession, key: 'Enter' | 'Escape'): Promise<void> {
  await page.evaluate(
    `addEventListener('keydown', (event) => (window.wasComposing = event.isComposing), true)`,
  );
  await client.send('Input.imeSetComposition', { text: 'らま', selectionStart: 2, selectionEnd: 2 });
  await client.send('Input.dispatchKeyEvent', {
    type: 'rawKeyDown',
    key,
    code: key,
    windowsVirtualKeyCode: 229,
  });
  expect(await page.evaluate('window.wasComposing')).toBe(true);
}

test('Enter that chooses a word of an input method sends nothing', async () => {
  const { page, context } = await here.open();
  const client = await context.newCDPSession(page);
  await page.locator('#composer').focus();
  await pressWhileComposing(page, client, 'Enter');
  await client.send('Input.insertText', { text: '羊駝' });
  expect(await messages(page)).toBe(0);
  expect(await page.locator('#composer').inputValue()).toBe('羊駝');
  await page.keyboard.press('Enter');
  expect(await answered(page)).toContain('羊駝');
});

test('Escape that gives up a word of an input method closes neither the editor of a message nor the find bar', async () => {
  const { page, context } = await here.open();
  const client = await context.newCDPSession(page);
  await say(page, 'to be reworded');
  await answered(page);
  await page.locator('#composer').press('ArrowUp');
  const editor = page.getByRole('textbox', { name: 'Edit' });
  await editor.press('End');
  await pressWhileComposing(page, client, 'Escape');
  await client.send('Input.insertText', { text: '羊駝' });
  expect(await editor.inputValue()).toBe('to be reworded羊駝');
  await editor.press('Escape');
  await editor.waitFor({ state: 'detached' });
  await page.keyboard.press('Control+f');
  const find = page.getByRole('searchbox', { name: 'Find in this chat' });
  await expect.poll(() => find.evaluate((field) => field === field.ownerDocument.activeElement)).toBe(true);
  await pressWhileComposing(page, client, 'Escape');
  await client.send('Input.insertText', { text: '羊駝' });
  expect(await find.inputValue()).toBe('羊駝');
  await find.press('Escape');
  await find.waitFor({ state: 'detached' });
});

test('Escape that gives up a word of an input method leaves the dialog around the field open', async () => {
  const { page, context } = await here.open();
  const client = await context.newCDPSession(page);
  await page.keyboard.press('Control+k');
  const field = page.getByRole('dialog', { name: 'Commands' }).getByRole('combobox');
  await expect
    .poll(() => field.evaluate((element) => element === element.ownerDocument.activeElement))
    .toBe(true);
  await pressWhileComposing(page, client, 'Escape');
  await client.send('Input.insertText', { text: '羊駝' });
  expect(await field.inputValue()).toBe('羊駝');
  await field.press('Escape');
  await field.waitFor({ state: 'detached' });
});

test('Shift+Enter makes a line, Enter sends both', async () => {
  const { page } = await here.open();
  await page.locator('#composer').focus();
  await page.keyboard.type('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('two');
  expect(await page.locator('#composer').inputValue()).toBe('one\ntwo');
  expect(await messages(page)).toBe(0);
  await page.keyboard.press('Enter');
  await answered(page);
  expect(await page.locator('.message--person').innerText()).toMatch(/one\ntwo/);
});

test('on a phone Enter makes a line and the button sends', async () => {
  const { page } = await here.open({
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
});

const drag = (type: string, files: string): string => `(() => {
  const dataTransfer = new DataTransfer();
  for (const file of ${files}) dataTransfer.items.add(file);
  document.body.dispatchEvent(new DragEvent('${type}', { dataTransfer, bubbles: true, cancelable: true }));
})()`;

test('text files are dropped anywhere; large ones and pictures are refused by name', async () => {
  const { page } = await here.open();
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
});

/** Puts text and a picture on the clipboard, as a spreadsheet does with its cells. */
const copyCells = (text: string): string => `(async () => {
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').fillRect(0, 0, 10, 10);
  const png = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  const parts = { 'image/png': png };
  if (${JSON.stringify(text)} !== '') parts['text/plain'] = new Blob([${JSON.stringify(text)}], { type: 'text/plain' });
  await navigator.clipboard.write([new ClipboardItem(parts)]);
})()`;

test('cells of a spreadsheet are pasted as their text; a picture alone is refused', async () => {
  const { page } = await here.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await page.locator('#composer').focus();
  await page.evaluate(copyCells('name\tage\nPaco\t7'));
  await page.keyboard.press('Control+v');
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('name\tage\nPaco\t7');
  expect(await page.getByText(/is not a text file/).count()).toBe(0);
  await page.evaluate(copyCells(''));
  await page.keyboard.press('Control+v');
  await page.getByText('“image.png” is not a text file and was not attached.').waitFor();
});

test('after Stop what waited is back in the field', async () => {
  const { page } = await here.open();
  await say(page, '/long 4000');
  await page.locator('.message--answer .prose p').first().waitFor();
  await say(page, 'think this over');
  await page.keyboard.press('Escape');
  await page.getByText('Stopped', { exact: true }).first().waitFor();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('think this over');
  expect(await messages(page)).toBe(1);
});

test('thirty files leave the message field and their own buttons in a small window', async () => {
  const { page } = await here.open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
  const files = `Array.from({ length: 30 }, (_, index) => new File(['wool'], 'source-file-' + index + '.ts'))`;
  await page.evaluate(drag('drop', files));
  const chips = page.locator('.composer__files li');
  await expect.poll(() => chips.count()).toBe(30);
  await page.locator('#composer').fill('a line\n'.repeat(30));
  const { y, height } = (await page.locator('.composer').boundingBox())!;
  expect(y).toBeGreaterThan(0);
  expect(y + height).toBeLessThanOrEqual(740);
  for (const file of [chips.first(), chips.last()]) await file.getByRole('button').tap();
  expect(await chips.count()).toBe(28);
});

test('a notice lies above what is being written, however tall the field is', async () => {
  const { page } = await here.open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
  await page.locator('#composer').fill('a line\n'.repeat(14));
  const top = async (): Promise<number> => (await page.locator('.composer').boundingBox())!.y;
  await expect.poll(top).toBeLessThan(500);
  await page.evaluate(drag('drop', `[new File([new Uint8Array([137, 80, 0, 255])], 'herd.png')]`));
  const toast = async (): Promise<{ y: number; height: number }> =>
    (await page.locator('.toast').boundingBox())!;
  await expect
    .poll(async () => {
      const { y, height } = await toast();
      return (await top()) - (y + height);
    })
    .toBeGreaterThanOrEqual(0);
  expect((await toast()).y).toBeGreaterThan(0);
});

test('an answer goes on while one types without a pause', async () => {
  const { page } = await here.open();
  await say(page, '/long 4000');
  const answer = page.locator('.message--answer .prose');
  await answer.locator('p').first().waitFor();
  const lengths = new Set<number>();
  await page.locator('#composer').focus();
  for (let key = 0; key < 60; key++) {
    await page.keyboard.press('a');
    lengths.add((await answer.innerText()).length);
    await page.waitForTimeout(20);
  }
  // A second and more: text comes at least each quarter of it, and no letter is lost.
  expect(lengths.size).toBeGreaterThan(3);
  expect(await page.locator('#composer').inputValue()).toBe('a'.repeat(60));
});

test('a folder among dropped files is named as what could not be read, and those after it are attached', async ({
  onTestFinished,
}) => {
  const root = mkdtempSync(join(tmpdir(), 'corral-drop-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const paths = ['before.txt', 'wool', 'after.txt'].map((name) => join(root, name));
  const [before = '', folder = '', after = ''] = paths;
  mkdirSync(folder);
  writeFileSync(before, 'brown wool');
  writeFileSync(after, 'white wool');
  const { page, context } = await here.open();
  const client = await context.newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await client.send('Input.dispatchDragEvent', { type, x: 700, y: 300, data });
  await page.getByText('“wool” could not be read and was not attached.').waitFor();
  const attached = page.locator('.composer__files li');
  await expect.poll(() => attached.count()).toBe(2);
  expect((await attached.allInnerTexts()).join()).toMatch(/before\.txt[^]*after\.txt/);
});
