import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser();

interface SilentNetwork {
  address: string;
  /** What is open now stays open and brings nothing any more, as after sleep; new connections work. */
  fallSilent(): void;
  close(): void;
}

async function openSilentNetwork(target: string): Promise<SilentNetwork> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<[Socket, Socket]>();
  const server = createServer((person) => {
    const onward = connect({ host: hostname, port: Number(port) });
    pairs.add([person, onward]);
    for (const [from, to] of [
      [person, onward],
      [onward, person],
    ] as const) {
      from.on('error', () => undefined);
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fallSilent: () => {
      for (const [person, onward] of pairs) {
        person.unpipe(onward);
        onward.unpipe(person);
        person.resume();
        onward.resume();
      }
      pairs.clear();
    },
    close: () => {
      server.close();
      for (const [person, onward] of pairs) {
        person.destroy();
        onward.destroy();
      }
    },
  };
}

test('after sleep the line is dead without a word: the page takes another one and the answer goes on', async () => {
  const server = await servePage({ script: { tokensPerSecond: 60 } });
  onTestFinished(() => server.close());
  const network = await openSilentNetwork(server.address);
  onTestFinished(() => network.close());
  const { page } = await here.open({ address: network.address, path: '/#/' });
  await page.clock.install();
  await page.reload();
  await say(page, '/long 400');
  const prose = page.locator('.message--answer .prose');
  await expect.poll(async () => ((await prose.textContent()) ?? '').length).toBeGreaterThan(30);
  network.fallSilent();
  const before = (await prose.textContent()) ?? '';
  // The lid was closed for ten minutes: no timer ran, and all that are due run once. What is asked through lines
  // that died meanwhile is never answered, and given up after seconds, which pass quickly here.
  await page.clock.fastForward('10:00');
  await expect
    .poll(async () => {
      await page.clock.fastForward('00:05');
      return ((await prose.textContent()) ?? '').length;
    })
    .toBeGreaterThan(before.length + 100);
  const whole = await answered(page);
  expect(whole.startsWith(before.slice(0, 30))).toBe(true);
  const { body } = await server.call('GET', `/api/chats/${page.url().split('/').at(-1)}`);
  const [, answer] = body['messages'] as { content: string }[];
  expect(whole.replace(/\s+/g, ' ').trim()).toBe(answer?.content.replace(/\s+/g, ' ').trim());
});

const newLine = (page: Page) =>
  page.waitForResponse(
    (response) => /\/api\/streams\/[\w-]+$/.test(response.url()) && response.status() === 200,
  );

async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`);
}

test('a tab that was hidden so long that it gave its line back shows what happened meanwhile', async () => {
  const server = await servePage({ script: { tokensPerSecond: 60 } });
  onTestFinished(() => server.close());
  const { page } = await here.open({ address: server.address });
  await page.clock.install();
  await page.reload();
  // Of an answer that another program asked for nothing is listened to here.
  const { body: chat } = await server.call('POST', '/api/chats', {});
  const chatId = String(chat['id']);
  await server.call('POST', `/api/chats/${chatId}/runs`, {
    input: { kind: 'message', content: '/long 500' },
  });
  await page.locator('.chat-row').getByRole('img', { name: 'Answering' }).waitFor();
  await page.getByRole('button', { name: 'Trash' }).click();
  await page.getByText('The trash is empty.').waitFor();
  await page.locator('[data-panel-toggle]').click();
  const presets = page.getByRole('button', { name: 'Presets' });
  await presets.waitFor();
  await setHidden(page, true);
  await page.clock.fastForward('00:11');
  const { body } = await server.call('POST', '/api/chats', { title: 'Thrown away elsewhere' });
  await server.call('DELETE', `/api/chats/${String(body['id'])}`);
  await server.call('PUT', '/api/presets/Shepherd', { settings: { systemPrompt: 'Guard the flock.' } });
  const active = async (): Promise<unknown> => (await server.call('GET', '/api/runs?active=1')).body['runs'];
  await expect.poll(active, { timeout: 20_000 }).toEqual([]);
  expect(await page.title()).not.toMatch(/^●/);
  await setHidden(page, false);
  await page.locator('.trash-row', { hasText: 'Thrown away elsewhere' }).waitFor();
  await presets.click();
  await page.getByRole('menuitem', { name: 'Shepherd' }).first().waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => page.title()).toMatch(/^●/);
  await page.reload();
  const unread = page.locator('.chat-row').filter({ has: page.getByRole('img', { name: 'New answer' }) });
  await expect.poll(() => unread.getByRole('link').getAttribute('href')).toBe(`#/c/${chatId}`);
});

test('a hidden tab keeps its line for an answer and for what waits for it, and takes it again for the next one', async () => {
  const server = await servePage({ script: { tokensPerSecond: 40 } });
  onTestFinished(() => server.close());
  const { page } = await here.open({ address: server.address });
  await page.clock.install();
  await page.reload();
  await say(page, '/long 300');
  await page.locator('.message--answer .prose p').first().waitFor();
  await say(page, 'asked next');
  await page.locator('.waiting__item').waitFor();
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await page.route('**/runs', async (route) => {
    await held;
    // A try that was given up meanwhile is no more.
    await route.continue().catch(() => undefined);
  });
  const asked = page.waitForRequest(/\/runs$/);
  await setHidden(page, true);
  await page.clock.fastForward('00:11');
  await asked;
  await expect.poll(() => page.title()).toMatch(/^●/);
  // Nothing is being written now, and the line is given back.
  await page.clock.fastForward('00:11');
  const line = newLine(page);
  letGo();
  await line;
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  expect(await answered(page)).toContain('asked next');
});

/** No timer runs any more: what happens now waits for none. */
async function stopClock(page: Page): Promise<void> {
  await page.clock.pauseAt(Number(await page.evaluate('Date.now()')) + 10_000);
  // A try that was begun is over by then.
  await page.waitForTimeout(1_000);
}

test('what the browser says of the network ends the wait for the next try', async () => {
  const server = await servePage();
  onTestFinished(() => server.close());
  const { page, context } = await here.open({ address: server.address });
  await page.clock.install();
  await page.reload();
  await say(page, 'before the network went');
  await answered(page);
  await context.setOffline(true);
  const banner = page.getByText('The server does not answer.');
  // The pauses between the tries have grown by then.
  for (let count = 0; count < 12; count++) await page.clock.fastForward('00:05');
  await banner.waitFor();
  await stopClock(page);
  expect(await banner.isVisible()).toBe(true);
  await context.setOffline(false);
  await banner.waitFor({ state: 'detached' });
});

test('a server that wants its key again is not said to be away, and with the key the line is there at once', async () => {
  const key = 'the-key-of-this-corral';
  const server = await servePage({ environment: { CORRAL_ACCESS_KEY: key } });
  onTestFinished(() => server.close());
  const context = await here.browser.newContext({ serviceWorkers: 'block' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(server.address);
  await page.getByLabel('Access key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.empty[data-ready]').waitFor();
  await context.setOffline(true);
  const banner = page.getByText('The server does not answer.');
  for (let count = 0; count < 12; count++) await page.clock.fastForward('00:05');
  await banner.waitFor();
  await context.clearCookies();
  await context.setOffline(false);
  const dialog = page.getByRole('dialog', { name: 'This Corral asks for its access key' });
  await dialog.waitFor();
  // Many refused tries later.
  for (let count = 0; count < 12; count++) await page.clock.fastForward('00:05');
  await banner.waitFor({ state: 'detached' });
  await stopClock(page);
  await dialog.getByLabel('Access key').fill(key);
  const line = newLine(page);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await line;
});
