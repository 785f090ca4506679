import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser, phone, type OpenOptions } from './in-browser.ts';
import { answered, say, servePage, watch, type WatchedPage } from './open-page.ts';

const here = inBrowser(() => servePage({ script: { tokensPerSecond: 500 } }));

interface Held {
  page: Page;
  problems: string[];
  /** Lets the page's own code through. */
  release: () => Promise<void>;
}

/** The HTML is here, and the page's code is still on its way. */
async function held({ path = '/', ...options }: OpenOptions = {}): Promise<Held> {
  return heldIn(await here.open(options), path);
}

/** In a browser that was here before. */
async function heldIn({ context, problems }: WatchedPage, path = '/'): Promise<Held> {
  const page = await context.newPage();
  await watch(page, here.server.address, problems);
  let letThrough = (): void => undefined;
  const free = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  await page.route(/\/assets\/[^/]+\.js$/, async (route) => {
    await free;
    await route.continue();
  });
  await page.goto(here.server.address + path, { waitUntil: 'commit' });
  return {
    page,
    problems,
    release: async () => {
      letThrough();
      await page.locator('#early').waitFor({ state: 'detached' });
    },
  };
}

const early = (page: Page) => page.locator('#early textarea');
const caret = (page: Page): Promise<unknown> =>
  page.evaluate(
    `[document.activeElement.id, document.activeElement.selectionStart, document.activeElement.selectionEnd]`,
  );

test('what is typed before the page is here stays, with caret and focus, and nothing moves', async () => {
  for (const options of [{}, { viewport: { width: 390, height: 844 } }]) {
    const { page, release } = await held(options);
    await early(page).waitFor();
    await page.keyboard.type('before the page');
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+ArrowRight');
    const before = await early(page).boundingBox();
    const button = await page.getByRole('button', { name: 'Send', exact: true }).boundingBox();
    await release();
    expect(await page.locator('#composer').inputValue()).toBe('before the page');
    expect(await caret(page)).toEqual(['composer', 0, 1]);
    expect(await page.locator('#composer').boundingBox()).toEqual(before);
    expect(await page.getByRole('button', { name: 'Send', exact: true }).boundingBox()).toEqual(button);
    await page.keyboard.type('B');
    await page.keyboard.press('Enter');
    expect(await answered(page)).toContain('Before the page');
  }
});

test('what is sent before the page is here goes out when it is, and what is typed after it stays', async () => {
  const { page, release } = await held();
  await early(page).waitFor();
  await page.keyboard.type('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('two');
  await page.keyboard.press('Enter');
  await page.locator('#early').getByText('On its way').waitFor();
  await page.keyboard.type('the next thought');
  await release();
  await answered(page);
  expect(await page.locator('.message--person').innerText()).toMatch(/one\ntwo/);
  expect(await page.locator('#composer').inputValue()).toBe('the next thought');
  const chat = String(await page.evaluate('location.hash'));
  await page.locator('#composer').fill('');

  const again = await held({ path: `/${chat}` });
  await early(again.page).waitFor();
  await again.page.keyboard.type('into the same chat');
  await again.page.getByRole('button', { name: 'Send', exact: true }).click();
  await again.release();
  await expect.poll(() => again.page.locator('.message--person').count()).toBe(2);
  await expect.poll(() => again.page.locator('.message--answer').count()).toBe(2);
  expect(await answered(again.page)).toContain('into the same chat');
  expect(await again.page.locator('#composer').inputValue()).toBe('');
});

test('what is sent on the empty page goes into no chat that the page comes back to by itself', async () => {
  const visit = await here.open();
  await say(visit.page, "yesterday's question");
  await answered(visit.page);
  const yesterday = visit.page.url();
  const { page, release } = await heldIn(visit);
  await early(page).waitFor();
  await page.keyboard.type('a new question');
  await page.keyboard.press('Enter');
  await page.keyboard.type('and what comes next');
  await release();
  expect(await answered(page)).toContain('a new question');
  expect(await page.locator('.message--person').count()).toBe(1);
  expect(page.url()).toMatch(/#\/c\//);
  expect(page.url()).not.toBe(yesterday);
  expect(await page.locator('#composer').inputValue()).toBe('and what comes next');
  expect(await page.evaluate('document.activeElement.id')).toBe('composer');
  await expect.poll(() => visit.page.locator('.message--person').count()).toBe(1);

  // Typed only, it is seen there before it is sent.
  const again = await heldIn(visit);
  await early(again.page).waitFor();
  await again.page.keyboard.type(' but first');
  await again.release();
  await expect.poll(() => again.page.locator('#composer').inputValue()).toContain('but first');
});

test('on a phone Enter makes a line before the page is here as well', async () => {
  const { page, release } = await held(phone);
  await early(page).tap();
  await page.keyboard.type('one');
  await page.keyboard.press('Enter');
  await page.keyboard.type('two');
  await release();
  expect(await page.locator('#composer').inputValue()).toBe('one\ntwo');
  expect(await page.locator('.message').count()).toBe(0);
});

test('a word that an input method puts together is not torn apart', async () => {
  const { page, release } = await held();
  await early(page).waitFor();
  const client = await page.context().newCDPSession(page);
  await client.send('Input.imeSetComposition', { text: 'らま', selectionStart: 2, selectionEnd: 2 });
  const code = page.waitForResponse(/page-[^/]+\.js$/);
  const taken = release();
  await (await code).finished();
  await page.waitForTimeout(500);
  expect(await early(page).inputValue()).toBe('らま');
  await client.send('Input.insertText', { text: '羊駝' });
  await taken;
  expect(await page.locator('#composer').inputValue()).toBe('羊駝');
});

test('views without a message field have none before either', async () => {
  const { page, release } = await held({ path: '/#/models' });
  // Not `waitForFunction`: it looks again by `eval`, which the page's policy forbids.
  await expect.poll(() => page.evaluate('document.readyState')).not.toBe('loading');
  expect(await page.locator('#early').count()).toBe(0);
  await release();
  await page.getByRole('heading', { name: 'On this machine' }).waitFor();
});
