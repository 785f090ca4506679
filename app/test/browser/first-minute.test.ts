import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { catalogue } from '../../src/models/catalogue.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { startLocalHub } from '../hub/local-hub.ts';
import { tinyAdapter } from '../hub/tiny-adapter.ts';
import { axeFaultsInBothThemes } from './axe-faults.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';
import { startCria } from './start-cria.ts';

/** The program as a newcomer starts it, with Cria, and a Hub on this machine. */
async function startWithHub() {
  const folder = mkdtempSync(join(tmpdir(), 'corral-first-'));
  await writeTinyRepository(join(folder, 'llama'), { layers: 3, width: 128, dtype: 'f16' });
  const hub = await startLocalHub({
    repositories: [
      { id: 'owner/tiny-llama', folder: join(folder, 'llama'), licence: 'apache-2.0' },
      { id: 'owner/adapter', files: tinyAdapter({ base: 'owner/tiny-llama', width: 128, layers: 3 }) },
      { id: 'owner/gated', gated: 'manual', folder: join(folder, 'llama'), licence: 'llama2' },
    ],
  });
  const cria = await startCria({
    environment: {
      HF_HUB_OFFLINE: 'false',
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: join(folder, 'huggingface'),
      CORRAL_OUTBOUND_HOSTS: hub.hosts.join(','),
    },
  });
  return {
    address: cria.address,
    hub,
    /** A model that others may be given the name of. */
    repository: join(folder, 'llama'),
    async close() {
      await cria.close();
      await hub.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const here = inBrowser(startWithHub, { timeoutMs: 180_000 });

async function check(page: Page, reference: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Hub name or link' }).fill(reference);
  await page.getByRole('button', { name: 'Check', exact: true }).click();
}

test('Cria answers at once, and the way to a real model is on the first page', async () => {
  const { page } = await here.open();
  await page.getByText('Cria answers').waitFor();
  const card = page.getByRole('region', { name: 'Get a real model' });
  await card.locator('.pick').first().waitFor();
  for (const fact of [/Fits|Tight/, /\d (?:MB|GB)/, /tok\/s here/])
    expect(await card.locator('.pick').first().innerText()).toMatch(fact);
  await say(page, 'Hello');
  expect((await answered(page, 60_000)).length).toBeGreaterThan(0);
  await expect.poll(() => page.locator('.message__figures').last().innerText()).toMatch(/tok\/s/);
});

/** Where everything of the card ends, and where the composer and the fading ground above it begin. */
async function cardAndComposer(page: Page): Promise<{ cardEnd: number; groundTop: number }> {
  const card = await page.locator('.real-model').boundingBox();
  const ground = await page.locator('.composer-area').boundingBox();
  return { cardEnd: (card?.y ?? Infinity) + (card?.height ?? 0), groundTop: ground?.y ?? 0 };
}

test.each([
  [1440, 900],
  [1024, 768],
  [390, 844],
])('on a screen of %i × %i the whole card stands above the composer', async (width, height) => {
  const { page } = await here.open({ viewport: { width, height } });
  await page.locator('.real-model .pick').nth(2).waitFor();
  const { cardEnd, groundTop } = await cardAndComposer(page);
  expect(cardEnd).toBeLessThanOrEqual(groundTop);
});

test('on a low screen the card is scrolled until all of it stands above the composer', async () => {
  const { page } = await here.open({ viewport: { width: 700, height: 480 } });
  await page.locator('.real-model .pick').nth(2).waitFor();
  await page.locator('.empty').hover();
  await page.mouse.wheel(0, 2_000);
  await expect
    .poll(async () => {
      const { cardEnd, groundTop } = await cardAndComposer(page);
      return cardEnd - groundTop;
    })
    .toBeLessThanOrEqual(0);
});

test('a model that was got from the card can be used there and from its notice', async () => {
  for (const { id } of catalogue)
    here.server.hub.add({ id, folder: here.server.repository, licence: 'apache-2.0' });
  const { page } = await here.open();
  const card = page.getByRole('region', { name: 'Get a real model' });
  const row = card.locator('.pick').first();
  const title = await row.locator('.pick__title').innerText();
  const reference = catalogue.find((entry) => title.startsWith(entry.title))?.id ?? '';
  const use = row.getByRole('button', { name: 'Use' });
  const picker = page.locator('[data-model-picker]');
  const isChosen = async (): Promise<void> => {
    await expect.poll(() => picker.innerText()).toContain(reference.split('/')[1]);
    await card.waitFor({ state: 'detached' });
  };
  await row.getByRole('button', { name: 'Get' }).click();
  const notice = page.locator('.toast', { hasText: 'is ready' });
  await notice.waitFor();
  await use.waitFor();
  await notice.getByRole('button', { name: 'Use' }).click();
  await isChosen();
  await picker.click();
  await page.getByRole('menuitem', { name: /^Cria/ }).click();
  await use.click();
  await isChosen();
  const removed = await fetch(`${here.server.address}/api/models/${encodeURIComponent(reference)}`, {
    method: 'DELETE',
  });
  expect(removed.status).toBe(200);
});

test('a gated model says what to do before anything is fetched', async () => {
  const { page } = await here.open({ path: '/#/models' });
  await check(page, 'owner/gated');
  const problem = page.locator('.paste-card [role="alert"]');
  await problem.waitFor();
  expect(await problem.innerText()).toMatch(/owner\/gated[^]*HF_TOKEN/);
  const link = problem.getByRole('link', { name: 'Open its page on the Hub' });
  expect(await link.getAttribute('href')).toBe(`${here.server.hub.endpoint}/owner/gated`);
});

const units: Record<string, number> = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** What models take of the disk, which the view must say as it is; rounded there. */
async function usedByModels(page: Page): Promise<number> {
  const { usedBytes } = (await (await fetch(`${here.server.address}/api/models-disk`)).json()) as {
    usedBytes: number;
  };
  const line = page.getByText(/^[\d.]+ \w+ used by models, [\d.]+ \w+ free$/);
  await expect
    .poll(async () => {
      const [, number, unit = ''] = /^([\d.]+) (\w+)/.exec(await line.innerText()) ?? [];
      return Math.abs((Number(number) * (units[unit] ?? 0)) / usedBytes - 1);
    })
    .toBeLessThan(0.06);
  return usedBytes;
}

const tinyRow = (page: Page) => page.locator('.pick', { hasText: 'owner/tiny-llama:q4_k_m' });

test('a model is pulled with progress, paused, taken up again and used', async () => {
  const { page } = await here.open({ path: '/#/models' });
  await check(
    page,
    `${here.server.hub.endpoint.replace(/^http:\/\/[^/]+/, 'https://huggingface.co')}/owner/tiny-llama`,
  );
  const card = page.locator('.preflight');
  await card.getByText('apache-2.0').waitFor();
  expect(await card.innerText()).toMatch(/to download[^]*on disk/);
  expect(await axeFaultsInBothThemes(page)).toEqual([]);
  const usedBefore = await usedByModels(page);
  here.server.hub.misbehave({ match: /^store /, act: { kind: 'drip', bytes: 2_048, everyMs: 40 } });
  await card.getByRole('button', { name: 'Get', exact: true }).click();
  const job = page.locator('.pick', { has: page.locator('.job-progress') });
  await job.getByText(/(?:Downloading|Converting) .* \/ .*/).waitFor();
  await expect.poll(() => job.locator('progress').getAttribute('value')).toMatch(/^0\.\d+/);
  await job.getByRole('button', { name: 'Pause' }).click();
  await job.getByText('Paused').waitFor();
  expect(await axeFaultsInBothThemes(page)).toEqual([]);
  here.server.hub.behave();
  await job.getByRole('button', { name: 'Resume' }).click();
  await page.getByText(/owner\/tiny-llama\S* is ready/).waitFor();
  await expect.poll(() => job.count()).toBe(0);
  expect(await usedByModels(page)).toBeGreaterThan(usedBefore);
  await tinyRow(page).getByRole('button', { name: 'Use' }).click();
  await expect.poll(() => page.locator('[data-model-picker]').innerText()).toContain('tiny-llama');
  await say(page, 'the cat');
  await answered(page, 60_000);
});

test('an adapter is added to it and set in a chat; then both are deleted', async () => {
  const { page } = await here.open({ path: '/#/models' });
  await page.getByRole('button', { name: 'Add an adapter' }).click();
  const form = page.getByRole('form', { name: 'Add an adapter' });
  await form.getByLabel('Hub name of the adapter').fill('owner/adapter');
  await form.getByLabel('Model it changes').selectOption('owner/tiny-llama:q4_k_m');
  await form.getByRole('button', { name: 'Get', exact: true }).click();
  await page.getByText('The adapter owner/adapter is ready').waitFor();
  await page.getByText('for tiny-llama q4_k_m').waitFor();
  await tinyRow(page).getByRole('button', { name: 'Use' }).click();
  await page.locator('[data-panel-toggle]').click();
  await page.getByRole('checkbox', { name: 'adapter' }).check();
  await page.getByRole('slider', { name: 'Strength: adapter' }).focus();
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => page.locator('.panel').innerText()).toContain('0.95');
  await say(page, 'the cat');
  await answered(page, 60_000);
  await page.locator('.message--answer').getByRole('button', { name: 'Receipt' }).click();
  await expect.poll(() => page.locator('.receipt').innerText()).toMatch(/owner\/adapter[^]*0\.95/);
  await page.keyboard.press('Escape');
  await page.goto(`${here.server.address}/#/models`);
  const usedWithBoth = await usedByModels(page);
  await page.getByRole('button', { name: 'Delete adapter' }).click();
  await page.getByText('for tiny-llama q4_k_m').waitFor({ state: 'detached' });
  await tinyRow(page).getByRole('button', { name: 'Unload' }).click();
  await tinyRow(page).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText(/is deleted/).waitFor();
  await expect.poll(() => tinyRow(page).count()).toBe(0);
  expect(await usedByModels(page)).toBeLessThan(usedWithBoth);
});

test('a service is added with its key, lists its models, answers, and never shows the key again', async () => {
  const key = 'the-key-of-the-service';
  const service = await servePage({ environment: { CORRAL_ACCESS_KEY: key } });
  const { page } = await here.open({ path: '/#/settings/providers' });
  const heard: string[] = [];
  page.on(
    'response',
    (response) =>
      void response.text().then(
        (text) => heard.push(text),
        () => undefined,
      ),
  );
  await page.getByRole('button', { name: 'Add a service' }).click();
  await page.getByLabel('Name', { exact: true }).fill('lab');
  await page.getByLabel('Address').fill(`${service.address}/v1`);
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.getByRole('button', { name: 'Save' }).click();
  const row = page.locator('.pick', { hasText: 'lab' });
  await row.getByText('with a key').waitFor();
  await row.getByRole('button', { name: 'Check' }).click();
  await page.getByText('lab answers, 1 model', { exact: true }).waitFor();
  await row.getByText('Answers', { exact: true }).waitFor();
  await page.reload();
  await row.getByText('with a key').waitFor();
  expect(await page.content()).not.toContain(key);
  await page.goto(`${here.server.address}/#/models`);
  const model = page.locator('.pick', { hasText: 'lab:scripted' });
  await model.getByRole('button', { name: 'Use' }).click();
  await say(page, 'who are you');
  expect(await answered(page)).toContain('You said "who are you"');
  await page.goto(`${here.server.address}/#/settings/providers`);
  await row.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No service is set up.').waitFor();
  expect(heard.filter((text) => text.includes(key))).toEqual([]);
  expect(heard.some((text) => text.includes('"lab"'))).toBe(true);
  await service.close();
});
