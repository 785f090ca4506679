import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningServer } from '../fixtures/running-server.ts';
import { freePort } from '../program.ts';
import { answered, buildPage, launch, openPage, say, servePage } from './open-page.ts';

let browser: Browser;
let server: RunningServer;

beforeAll(async () => {
  browser = await launch();
  server = await servePage({
    script: { tokensPerSecond: 30, promptTokensPerSecond: 250, contextTokens: 1_500 },
    environment: { CORRAL_SLOTS: '1', CORRAL_CONTEXT: '1500', HF_TOKEN: 'hf_secret_of_the_operator' },
  });
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

test('a message that cannot fit is refused with the counts, and stays to be made shorter', async () => {
  const { page, context, problems } = await openPage(browser, server.address);
  await say(page, 'much too long '.repeat(400));
  const note = page.locator('.end-note[data-kind="problem"]');
  await note.waitFor({ timeout: 20_000 });
  expect(await note.innerText()).toMatch(/[\d,]{4,}[^]*1,?500/);
  expect(await page.locator('.message--person').innerText()).toContain('much too long');
  expect(problems).toEqual([]);
  await context.close();
});

test('what the operator configured is shown locked; a secret is named, never shown', async () => {
  const { page, context, problems } = await openPage(browser, server.address);
  await page.locator('[data-panel-toggle]').click();
  const field = page.getByRole('spinbutton', { name: 'Context' });
  await field.waitFor();
  await expect.poll(() => field.isDisabled()).toBe(true);
  expect(await field.inputValue()).toBe('1500');
  await page.getByText('Set by the operator: 1500.').waitFor();
  expect(await page.getByRole('spinbutton', { name: 'Temperature' }).isDisabled()).toBe(false);
  await page.goto(`${server.address}/#/settings/about`);
  await page.getByText('hubToken').waitFor();
  const text = await page.locator('.settings__body').innerText();
  expect(text).toMatch(/hubToken\s+hidden/);
  expect(text).toMatch(/contextTokens\s+1500/);
  expect(text).not.toContain('hf_secret');
  expect(problems).toEqual([]);
  await context.close();
});

test('a tab of an older page says so, keeps what is typed, and reloads when asked', async ({
  onTestFinished,
}) => {
  const root = mkdtempSync(join(tmpdir(), 'corral-stale-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const pageFolder = join(root, 'newer');
  cpSync(await buildPage(), pageFolder, { recursive: true });
  appendFileSync(join(pageFolder, 'index.html'), '<!-- a later version -->\n');
  const environment = { PORT: String(await freePort()) };
  const old = await servePage({ root, environment });
  const { page, context, problems } = await openPage(browser, old.address);
  await say(page, 'before the update');
  await answered(page);
  await page.locator('#composer').fill('typed before the update');
  await old.close();
  const newer = await servePage({ root, environment, pageFolder });
  await page.getByText('Corral was updated.').waitFor({ timeout: 30_000 });
  expect(await page.locator('#composer').inputValue()).toBe('typed before the update');
  expect(await page.locator('.message--answer').count()).toBe(1);
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.locator('.message--answer').waitFor();
  expect(await page.getByText('Corral was updated.').count()).toBe(0);
  expect(await page.locator('#composer').inputValue()).toBe('typed before the update');
  expect(problems).toEqual([]);
  await context.close();
  await newer.close();
});
