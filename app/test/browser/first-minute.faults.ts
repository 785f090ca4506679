import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { startLocalHub, type LocalHub } from '../hub/local-hub.ts';
import { freePort, startProgram, type Program } from '../program.ts';
import { answered, buildPage, launch, openPage, say } from './open-page.ts';

/** The program as a newcomer starts it, with Cria, and a Hub on this machine. */
let browser: Browser;
let hub: LocalHub;
let program: Program;
let address: string;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-first-'));
  await writeTinyRepository(join(folder, 'llama'), { layers: 3, width: 128, dtype: 'f16' });
  hub = await startLocalHub({
    repositories: [
      { id: 'owner/tiny-llama', folder: join(folder, 'llama'), licence: 'apache-2.0' },
      { id: 'owner/gated', gated: 'manual', folder: join(folder, 'llama'), licence: 'llama2' },
    ],
  });
  await buildPage();
  const port = await freePort();
  address = `http://127.0.0.1:${port}`;
  program = startProgram(['serve'], {
    environment: {
      PORT: String(port),
      CORRAL_HOME: join(folder, 'home'),
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: join(folder, 'huggingface'),
      CORRAL_OUTBOUND_HOSTS: hub.hosts.join(','),
    },
  });
  while (!program.output().includes('Corral answers at')) await setTimeout(100);
  browser = await launch();
}, 180_000);
afterAll(async () => {
  await browser.close();
  program.process.kill('SIGTERM');
  await program.ended;
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

async function check(page: Page, reference: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Hub name or link' }).fill(reference);
  await page.getByRole('button', { name: 'Check', exact: true }).click();
}

test('Cria answers at once, and the way to a real model is on the first page', async () => {
  const { page, context, problems } = await openPage(browser, address);
  await page.getByText('Cria answers').waitFor();
  const card = page.getByRole('region', { name: 'Get a real model' });
  await card.locator('.pick').first().waitFor();
  for (const fact of [/Fits|Tight/, /\d (?:MB|GB)/, /tok\/s here/])
    expect(await card.locator('.pick').first().innerText()).toMatch(fact);
  await say(page, 'Hello');
  expect((await answered(page)).length).toBeGreaterThan(0);
  await expect.poll(() => page.locator('.message__figures').last().innerText()).toMatch(/tok\/s/);
  expect(problems).toEqual([]);
  await context.close();
});

test('a gated model says what to do before anything is fetched', async () => {
  const { page, context, problems } = await openPage(browser, address, { path: '/#/models' });
  await check(page, 'owner/gated');
  const problem = page.locator('.paste-card [role="alert"]');
  await problem.waitFor();
  expect(await problem.innerText()).toMatch(/owner\/gated[^]*HF_TOKEN/);
  const link = problem.getByRole('link', { name: 'Open its page on the Hub' });
  expect(await link.getAttribute('href')).toBe(`${hub.endpoint}/owner/gated`);
  expect(problems).toEqual([]);
  await context.close();
});

test('a model is pulled with progress, paused, taken up again, used and deleted', async () => {
  const { page, context, problems } = await openPage(browser, address, { path: '/#/models' });
  await check(page, `${hub.endpoint.replace(/^http:\/\/[^/]+/, 'https://huggingface.co')}/owner/tiny-llama`);
  const card = page.locator('.preflight');
  await card.getByText('apache-2.0').waitFor();
  expect(await card.innerText()).toMatch(/to download[^]*on disk/);
  hub.misbehave({ match: /^store /, act: { kind: 'drip', bytes: 2_048, everyMs: 40 } });
  await card.getByRole('button', { name: 'Get', exact: true }).click();
  const job = page.locator('.pick', { has: page.locator('.job-progress') });
  await job.getByText(/(?:Downloading|Converting) .* \/ .*/).waitFor({ timeout: 30_000 });
  await expect.poll(() => job.locator('progress').getAttribute('value')).toMatch(/^0\.\d+/);
  await job.getByRole('button', { name: 'Pause' }).click();
  await job.getByText('Paused').waitFor();
  hub.behave();
  await job.getByRole('button', { name: 'Resume' }).click();
  await page.getByText(/owner\/tiny-llama\S* is ready/).waitFor({ timeout: 60_000 });
  const row = page.locator('.pick', { hasText: 'owner/tiny-llama:q4_k_m' });
  await row.getByRole('button', { name: 'Use' }).click();
  await expect.poll(() => page.locator('[data-model-picker]').innerText()).toContain('tiny-llama');
  await say(page, 'the cat');
  await answered(page);
  await page.goto(`${address}/#/models`);
  await row.getByRole('button', { name: 'Unload' }).click();
  await row.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText(/is deleted/).waitFor();
  await expect.poll(() => row.count()).toBe(0);
  expect(problems).toEqual([]);
  await context.close();
});
