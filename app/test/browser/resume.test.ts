import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { freePort } from '../program.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage, watch } from './open-page.ts';

const script = { tokensPerSecond: 60 };
const settings = '/long 300';

const here = inBrowser(() => servePage({ script, environment: { CORRAL_MODEL: 'scripted' } }));

const text = (page: Page): Promise<string> => page.locator('.message--answer .prose').last().innerText();

async function beginsToWrite(page: Page, characters = 30): Promise<string> {
  await expect
    .poll(() => text(page).catch(() => ''), { timeout: 15_000 })
    .toMatch(new RegExp(`^[^]{${characters},}`));
  return text(page);
}

/** What the server holds of the shown chat's last message. */
async function stored(page: Page, from = here.server): Promise<string> {
  const hash = String(await page.evaluate('location.hash'));
  const { body } = await from.call('GET', `/api/chats/${hash.split('/')[2]}`);
  const messages = body['messages'] as { content: string }[];
  return messages.at(-1)?.content ?? '';
}

async function endsWhole(page: Page, shown: string, from = here.server): Promise<void> {
  await page
    .getByRole('button', { name: 'Stop', exact: true })
    .waitFor({ state: 'detached', timeout: 40_000 });
  const whole = await answered(page);
  expect(whole.startsWith(shown.slice(0, 30))).toBe(true);
  expect(whole.replace(/\s+/g, ' ').trim()).toBe((await stored(page, from)).replace(/\s+/g, ' ').trim());
}

test('a refresh in the middle goes on where it was', async () => {
  const { page } = await here.open();
  await say(page, settings);
  const shown = await beginsToWrite(page);
  await page.reload();
  const after = await beginsToWrite(page);
  expect(after.startsWith(shown.slice(0, 30))).toBe(true);
  await endsWhole(page, shown);
});

test('a second tab shows the same answer, and Stop in one stops both', async () => {
  const { page, context, problems } = await here.open();
  await say(page, settings);
  await beginsToWrite(page);
  const other = await context.newPage();
  await watch(other, here.server.address, problems);
  await other.goto(page.url());
  await beginsToWrite(other);
  await other.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText('Stopped', { exact: true }).first().waitFor();
  await other.getByText('Stopped', { exact: true }).first().waitFor();
  expect(await text(page)).toBe(await text(other));
});

test('the network goes away and comes back; no word is lost or doubled', async () => {
  const { page, context } = await here.open();
  await say(page, settings);
  const shown = await beginsToWrite(page);
  const client = await context.newCDPSession(page);
  const offline = { offline: true, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
  await client.send('Network.emulateNetworkConditions', offline);
  await page.waitForTimeout(1_500);
  await client.send('Network.emulateNetworkConditions', { ...offline, offline: false });
  await endsWhole(page, shown);
});

for (const [status, code] of [
  [404, 'not-found'],
  [502, 'unreachable'],
] as const)
  test(`an answer goes on where it was refused to be watched with ${status}`, async () => {
    const { page } = await here.open();
    const error = { code, message: 'There is no such stream.' };
    await page.route('**/api/streams/*/runs/*', (route) => route.fulfill({ status, json: { error } }), {
      times: 1,
    });
    // Ten seconds.
    await say(page, '/long 600');
    await page.locator('[data-state="running"] .prose p').first().waitFor();
    await endsWhole(page, await beginsToWrite(page));
  });

test('another chat can be looked at meanwhile; the mark tells when the answer is ready', async () => {
  const { page } = await here.open();
  await say(page, '/long 60');
  await beginsToWrite(page);
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.getByRole('img', { name: 'Answering' }).first().waitFor();
  await page.getByRole('img', { name: 'New answer' }).first().waitFor({ timeout: 20_000 });
  await expect.poll(() => page.title()).toMatch(/^●/);
  const icon = page.locator('link[rel="icon"]');
  expect(await icon.getAttribute('href')).toBe('/favicon-ready.svg');
  await page.goBack();
  await expect.poll(() => page.title()).not.toMatch(/^●/);
  expect(await icon.getAttribute('href')).toBe('/favicon.svg');
});

/** The row of a chat in the list, by the address of the chat. */
const rowOf = (page: Page, hash: string) =>
  page.locator('.chat-row').filter({ has: page.locator(`a[href="${hash}"]`) });

const kept = (page: Page): Promise<unknown> => page.evaluate(`localStorage.getItem('corral.unread')`);

/** A page in which an answer is written, another of the same browser, and the row of the chat there. */
async function answering() {
  const { page, context, problems } = await here.open();
  const other = await context.newPage();
  await watch(other, here.server.address, problems);
  await other.goto(here.server.address);
  await other.locator('#composer').waitFor();
  await say(page, '/long 100');
  await beginsToWrite(page);
  const row = rowOf(other, new URL(page.url()).hash);
  return { page, other, row };
}

test('an answer that is read in one tab is no news in another, nor in one that is opened later', async () => {
  const { page, other, row } = await answering();
  const running = row.getByRole('img', { name: 'Answering' });
  await running.waitFor();
  await answered(page);
  await running.waitFor({ state: 'detached' });
  await other.waitForTimeout(1_000);
  expect(await row.getByRole('img', { name: 'New answer' }).count()).toBe(0);
  expect(await other.title()).not.toMatch(/^●/);
  expect(await kept(page)).toBe('[]');
});

/** Cuts the line of one page, also the one that is up; gives back what mends it. */
async function loseLine(page: Page): Promise<() => Promise<void>> {
  const streams = /\/api\/streams/;
  const lookAgain = (): Promise<unknown> => page.evaluate(`dispatchEvent(new Event('online'))`);
  await page.route(streams, (route) => route.abort());
  await lookAgain();
  return async () => {
    await page.unroute(streams);
    await lookAgain();
  };
}

test('an answer that ends while the line is away is no news in another tab where one of them shows it', async () => {
  const { page, other, row } = await answering();
  await row.getByRole('img', { name: 'Answering' }).waitFor();
  const comeBack = await Promise.all([loseLine(page), loseLine(other)]);
  const active = async (): Promise<unknown> =>
    (await here.server.call('GET', '/api/runs?active=1')).body['runs'];
  await expect.poll(active, { timeout: 30_000 }).toEqual([]);
  for (const back of comeBack) await back();
  await answered(page);
  await row.getByRole('img', { name: 'Answering' }).waitFor({ state: 'detached' });
  await other.waitForTimeout(1_500);
  expect(await row.getByRole('img', { name: 'New answer' }).count()).toBe(0);
  expect(await kept(page)).toBe('[]');
});

test('marks of chats that are gone are looked after once, and not where the server cannot tell', async () => {
  const { page } = await here.open();
  const ids = Array.from({ length: 200 }, (_, n) => `0190a0a0-0000-7000-8000-${String(n).padStart(12, '0')}`);
  await page.evaluate(`localStorage.setItem('corral.unread', '${JSON.stringify(ids)}')`);
  const those = /\/api\/chats\/0190a0a0-/;
  let asked = 0;
  page.on('request', (request) => {
    if (those.test(request.url())) asked += 1;
  });
  const error = { code: 'internal', message: 'Not now.' };
  await page.route(those, (route) => route.fulfill({ status: 503, json: { error } }));
  await page.reload();
  await expect.poll(() => asked).toBe(1);
  await page.waitForTimeout(1_500);
  expect(asked).toBe(1);
  await page.unroute(those);
  await page.reload();
  await expect.poll(() => kept(page), { timeout: 20_000 }).toBe('[]');
  expect(asked).toBe(101);
  await expect.poll(() => page.title()).not.toMatch(/^●/);
});

test('a chat that is deleted while it is answered leaves no mark, nor does one that is gone by itself', async () => {
  const { page } = await here.open();
  await say(page, '/hang 5');
  await beginsToWrite(page, 5);
  const row = rowOf(page, new URL(page.url()).hash);
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await row.getByRole('img', { name: 'Answering' }).waitFor();
  await row.getByRole('link').press('Delete');
  await row.waitFor({ state: 'detached' });
  await page.waitForTimeout(1_000);
  expect(await page.title()).not.toMatch(/^●/);
  expect(await kept(page)).toBe('[]');
  // As it is after a restart of the server, whose memory a temporary chat was in.
  await page.evaluate(`localStorage.setItem('corral.unread', '["0190a0a0-0000-7000-8000-000000000009"]')`);
  await page.reload();
  await expect.poll(() => kept(page)).toBe('[]');
  await expect.poll(() => page.title()).not.toMatch(/^●/);
});

test('a seventh chat opens while six are being answered', async () => {
  const busy = await servePage({ script });
  await busy.call('POST', '/api/import', {
    'a quiet chat': [
      { role: 'user', content: 'about wool' },
      { role: 'assistant', content: 'It is warm.' },
    ],
  });
  const { page, context } = await here.open({ address: busy.address });
  for (let count = 1; count <= 6; count++) {
    await page.getByRole('button', { name: 'New chat' }).first().click();
    await say(page, '/hang 5');
    await expect.poll(() => page.getByRole('img', { name: 'Answering' }).count()).toBe(count);
  }
  await page.getByRole('link', { name: 'a quiet chat' }).click();
  expect(await answered(page)).toBe('It is warm.');
  await context.close();
  await busy.close();
});

/** More tabs than a browser has connections, each of them opened with `script` before anything else. */
async function sevenTabs(script: string): Promise<Page[]> {
  const { page: first, context, problems } = await here.open();
  await context.addInitScript(script);
  const pages = [first];
  while (pages.length < 7) {
    const page = await context.newPage();
    await watch(page, here.server.address, problems);
    await page.goto(here.server.address);
    await page.locator('#composer').waitFor();
    pages.push(page);
  }
  return pages;
}

test('seven tabs in view share the connections that a browser has: each of them sends and is answered', async () => {
  const pages = await sevenTabs('');
  for (const [index, page] of pages.entries()) await say(page, `/say herd ${index}`);
  for (const [index, page] of pages.entries()) expect(await answered(page)).toBe(`herd ${index}`);
});

test('seven tabs whose answers are being written hear all of them to the end', async () => {
  const pages = await sevenTabs('');
  for (const page of pages) await say(page, '/long 300');
  for (const page of pages) await endsWhole(page, await beginsToWrite(page));
});

test('tabs that are opened hidden take no line until they are looked at, and show then what is new', async () => {
  const lookAt = `Object.defineProperty(document, 'hidden', { value: false, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`;
  const pages = await sevenTabs(
    `Object.defineProperty(document, 'hidden', { value: true, configurable: true });`,
  );
  const last = pages.at(-1)!;
  let lines = 0;
  last.on('request', (request) => {
    if (request.url().includes('/api/streams')) lines += 1;
  });
  await last.reload();
  await last.locator('.empty[data-ready]').waitFor();
  await here.server.call('POST', '/api/chats', { title: 'begun elsewhere' });
  expect(lines).toBe(0);
  await last.evaluate(lookAt);
  await last.getByRole('link', { name: 'begun elsewhere' }).waitFor();
  await say(last, '/say here I am');
  expect(await answered(last)).toBe('here I am');
});

test('the server is stopped and started again: the answer goes on in place', async ({ onTestFinished }) => {
  const root = mkdtempSync(join(tmpdir(), 'corral-restart-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const environment = { PORT: String(await freePort()) };
  const first = await servePage({ script, root, environment });
  const { page, context } = await here.open({ address: first.address });
  await say(page, settings);
  const shown = await beginsToWrite(page);
  await first.close();
  await page.waitForTimeout(500);
  const second = await servePage({ script, root, environment });
  await endsWhole(page, shown, second);
  await context.close();
  await second.close();
});

test('an answer of a temporary chat that ended with its server is not asked for for ever', async ({
  onTestFinished,
}) => {
  const root = mkdtempSync(join(tmpdir(), 'corral-gone-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const environment = { PORT: String(await freePort()) };
  const first = await servePage({ script, root, environment });
  const { page, context } = await here.open({ address: first.address });
  await page.getByRole('button', { name: 'Temporary chat' }).click();
  await say(page, '/hang 5');
  await beginsToWrite(page, 5);
  await first.close();
  const second = await servePage({ script, root, environment });
  await page.getByText('This chat is not here.').waitFor();
  let asked = 0;
  page.on('request', (request) => {
    if (request.method() === 'PUT' && request.url().includes('/runs/')) asked += 1;
  });
  // The pauses between its tries began with a quarter of a second.
  await page.waitForTimeout(6_000);
  expect(asked).toBe(0);
  await context.close();
  await second.close();
});
