import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test, type TestContext } from 'vitest';
import { freePort } from '../program.ts';
import { inBrowser } from './in-browser.ts';
import { answered, buildPage, say, servePage } from './open-page.ts';

const here = inBrowser();

/** A server that can be stopped and started again at the same address. */
async function place({ onTestFinished }: TestContext, name = 'corral-offline-') {
  const root = mkdtempSync(join(tmpdir(), name));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const environment = { PORT: String(await freePort()), CORRAL_TITLE: 'The west fold' };
  return {
    root,
    start: (pageFolder?: string) => servePage({ root, environment, ...(pageFolder ? { pageFolder } : {}) }),
  };
}

/** Names of the caches, once there is a finished worker that is no longer `before`. */
async function keptBy(page: Page, before: readonly string[] = []): Promise<string[]> {
  const names = (): Promise<string[]> =>
    page.evaluate(`navigator.serviceWorker.ready.then(async ({ active }) =>
      active.state === 'activated' ? caches.keys() : [])`);
  await expect
    .poll(async () => (await names()).filter((name) => !before.includes(name)).length, { timeout: 20_000 })
    .toBe(1);
  await expect.poll(names).toHaveLength(1);
  return names();
}

const keptAddresses = (page: Page): Promise<string[]> =>
  page.evaluate(`(async () => {
    const addresses = [];
    for (const name of await caches.keys())
      for (const { url } of await (await caches.open(name)).keys()) addresses.push(new URL(url).pathname);
    return addresses;
  })()`);

test('the browser finds nothing that keeps the page from being installed', async (context) => {
  const { start } = await place(context);
  const server = await start();
  const { page, context: room } = await here.open({ address: server.address, serviceWorkers: 'allow' });
  await keptBy(page);
  const client = await room.newCDPSession(page);
  const { url, errors, data } = await client.send('Page.getAppManifest');
  expect(url).toBe(`${server.address}/manifest.webmanifest`);
  expect(errors).toEqual([]);
  const manifest = JSON.parse(data ?? '{}') as { name: string; icons: { src: string; purpose?: string }[] };
  expect(manifest.name).toBe('The west fold');
  expect(manifest.icons.some(({ purpose }) => purpose === 'maskable')).toBe(true);
  for (const { src } of manifest.icons)
    expect((await fetch(`${server.address}/${src}`)).headers.get('content-type')).toMatch(/^image\//);
  // Pages in a room without history cannot be installed, and that is all it says.
  const { installabilityErrors } = await client.send('Page.getInstallabilityErrors');
  expect(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito')).toEqual(
    [],
  );
  await room.close();
  await server.close();
});

test('the page opens while the server is away, says so, and has the chat when it is back', async (context) => {
  const { start } = await place(context);
  const first = await start();
  const { page, context: room } = await here.open({ address: first.address, serviceWorkers: 'allow' });
  await keptBy(page);
  await say(page, 'a secret of the herd');
  await answered(page);
  await page.reload();
  await page.locator('.message--answer').waitFor();
  await first.close();

  await page.reload();
  await page.locator('.banner').getByText('The server does not answer.').waitFor({ timeout: 20_000 });
  expect(await page.getByText('a secret of the herd').count()).toBe(0);
  await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click({ trial: true });
  await page.locator('#composer').fill('written meanwhile');
  expect((await keptAddresses(page)).filter((path) => !/^\/(?:assets\/.*)?$/.test(path))).toEqual([]);

  const second = await start();
  await page.getByText('a secret of the herd').first().waitFor({ timeout: 30_000 });
  await page.locator('.banner').waitFor({ state: 'detached' });
  expect(await page.locator('#composer').inputValue()).toBe('written meanwhile');
  await say(page, 'and one more');
  await page.locator('.message--answer').getByText('and one more').waitFor();
  await room.close();
  await second.close();
});

test('a new page takes the place of the kept one, and a kept one that is older says so', async (context) => {
  const { root, start } = await place(context);
  const newerPage = join(root, 'newer');
  cpSync(await buildPage(), newerPage, { recursive: true });
  const index = join(newerPage, 'index.html');
  writeFileSync(index, readFileSync(index, 'utf8').replace('</head>', '<meta name="later" /></head>'));
  const worker = join(newerPage, 'service-worker.js');
  rmSync(`${worker}.br`, { force: true });
  writeFileSync(worker, readFileSync(worker, 'utf8').replace(/"build":"\w+"/, '"build":"later"'));
  const isLater = (page: Page): Promise<boolean> =>
    page.evaluate(`document.querySelector('meta[name="later"]') !== null`);

  const older = await start();
  const { page, context: room } = await here.open({ address: older.address, serviceWorkers: 'allow' });
  const names = await keptBy(page);
  await older.close();
  await page.reload();
  await page.locator('.banner').getByText('The server does not answer.').waitFor({ timeout: 20_000 });

  // The server comes back with another page: the kept one, which is open, is told to be old, and is shown no more.
  const newer = await start(newerPage);
  await page.getByText('Corral was updated.').waitFor({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Reload' }).click();
  await expect.poll(() => isLater(page).catch(() => false)).toBe(true);
  await page.locator('#composer').waitFor();
  expect(await keptBy(page, names)).toEqual(['corral-later']);

  await newer.close();
  await page.reload();
  await page.locator('.banner').getByText('The server does not answer.').waitFor({ timeout: 20_000 });
  expect(await isLater(page)).toBe(true);
  await room.close();
});

test('who is signed out is asked for the key, and not shown the kept page', async ({ onTestFinished }) => {
  const server = await servePage({ environment: { CORRAL_ACCESS_KEY: 'the-key-of-this-corral' } });
  onTestFinished(() => server.close());
  const room = await here.browser.newContext();
  const page = await room.newPage();
  await page.goto(server.address);
  await page.getByLabel('Access key').fill('the-key-of-this-corral');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#composer').waitFor();
  await keptBy(page);
  await room.clearCookies();
  await page.reload();
  await page.getByLabel('Access key').waitFor();
  await room.close();
});
