import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage());

const ctrl = 2;
const ctrlShift = 10;

interface Press {
  /** What the layout makes of the key. */
  key: string;
  /** Where the key is. */
  code: string;
  modifiers: number;
  windowsVirtualKeyCode?: number;
}

/** Presses a key of some layout in the message field; true where the page took it from the browser. */
async function isTaken(page: Page, press: Press): Promise<boolean> {
  await page.locator('#composer').focus();
  await page.evaluate(
    `addEventListener('keydown', (event) => (window.wasTaken = event.defaultPrevented), { once: true })`,
  );
  const client = await page.context().newCDPSession(page);
  await client.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...press });
  await client.send('Input.dispatchKeyEvent', { type: 'keyUp', ...press });
  return (await page.evaluate('window.wasTaken')) === true;
}

test('keys that a layout has elsewhere keep what they mean to the browser', async () => {
  const { page } = await here.open();
  // Smaller on German, Spanish and Nordic keyboards; paste on Dvorak.
  expect(await isTaken(page, { key: '-', code: 'Slash', modifiers: ctrl })).toBe(false);
  expect(await isTaken(page, { key: 'v', code: 'Period', modifiers: ctrl })).toBe(false);
  expect(await page.getByRole('dialog').count()).toBe(0);
  expect(await page.locator('#composer').isVisible()).toBe(true);
});

test('shortcuts with punctuation work where it is on another key, or needs Shift', async () => {
  const { page } = await here.open();
  expect(await isTaken(page, { key: ':', code: 'Semicolon', modifiers: ctrlShift })).toBe(true);
  expect(await isTaken(page, { key: 'Ö', code: 'Semicolon', modifiers: ctrlShift })).toBe(true);
  // French keyboards have M there.
  expect(await isTaken(page, { key: 'M', code: 'Semicolon', modifiers: ctrlShift })).toBe(true);
  await page.getByRole('menu', { name: 'Model' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  // Shift and 7 on German keyboards.
  expect(await isTaken(page, { key: '/', code: 'Digit7', modifiers: ctrlShift })).toBe(true);
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
});

test('shortcuts work on layouts without Latin letters', async () => {
  const { page } = await here.open();
  const isOpened = async (press: Press, name: string): Promise<void> => {
    expect(await isTaken(page, press)).toBe(true);
    await page.getByRole('dialog', { name }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  for (const key of ['л', 'κ', 'ל', 'ن'])
    await isOpened({ key, code: 'KeyK', modifiers: ctrl, windowsVirtualKeyCode: 75 }, 'Commands');
  // Arabic and Thai keyboards have other letters there.
  for (const key of ['ظ', 'ฝ'])
    await isOpened({ key, code: 'Slash', modifiers: ctrl, windowsVirtualKeyCode: 191 }, 'Keyboard shortcuts');
  // With Shift an Arabic keyboard makes a sign of the letter.
  const times = { key: '×', code: 'KeyO', modifiers: ctrlShift, windowsVirtualKeyCode: 79 };
  expect(await isTaken(page, times)).toBe(true);
  // Dvorak has a full stop where others have E, and French keyboards a question mark in the place of M.
  const stop = { key: '>', code: 'KeyE', modifiers: ctrlShift, windowsVirtualKeyCode: 190 };
  expect(await isTaken(page, stop)).toBe(false);
  const question = { key: '?', code: 'KeyM', modifiers: ctrlShift, windowsVirtualKeyCode: 188 };
  expect(await isTaken(page, question)).toBe(false);
});

test('Escape stops the answer, but not the one that gives up a word of an input method', async () => {
  const { page } = await here.open();
  await say(page, '/hang 5');
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  const escape = { key: 'Escape', code: 'Escape', modifiers: 0 };
  // Safari ends the composition before the key: only its number is left to tell.
  expect(await isTaken(page, { ...escape, windowsVirtualKeyCode: 229 })).toBe(false);
  expect(await isTaken(page, escape)).toBe(true);
  await page.getByText('Stopped', { exact: true }).first().waitFor();
});
