import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { ContextPlan } from '../../src/contracts/runs.ts';
import { freePort } from '../program.ts';
import { axeFaultsInBothThemes } from './axe-faults.ts';
import { inBrowser } from './in-browser.ts';
import { answered, buildPage, say, servePage } from './open-page.ts';

const number = new Intl.NumberFormat('en');

const here = inBrowser(() =>
  servePage({
    script: {
      tokensPerSecond: 30,
      promptTokensPerSecond: 250,
      contextTokens: 1_500,
      slots: 1,
      etaMs: 12_000,
    },
    environment: { CORRAL_CONTEXT: '1500', HF_TOKEN: 'hf_secret_of_the_operator' },
  }),
);

async function importChat(messages: { role: string; content: string }[]): Promise<string> {
  const { body } = await here.server.call('POST', '/api/import', { imported: messages });
  return ((body['chatIds'] ?? []) as string[])[0] ?? '';
}

async function planOf(chatId: string): Promise<ContextPlan> {
  const { body } = await here.server.call('GET', `/api/chats/${chatId}`);
  return body['plan'] as ContextPlan;
}

/** Texts of the messages above the line, and what the line says. */
async function drawn(page: Page): Promise<{ above: string[]; unseen: string[]; words: string }> {
  const line = page.locator('.context-line');
  await line.waitFor();
  return {
    above: await page.locator('.message:has(~ .context-line)').evaluateAll(idsOf),
    unseen: await page.locator('.message[data-unseen]').evaluateAll(idsOf),
    words: await line.innerText(),
  };
}

/** Runs in the page, where nothing else of this file is known. */
function idsOf(list: unknown[]): string[] {
  return list.map((element) => (element as { dataset: Record<string, string> }).dataset['id'] ?? '');
}

function inkOf(element: unknown): string {
  const page = globalThis as unknown as { getComputedStyle(of: unknown): { color: string } };
  return page.getComputedStyle(element).color;
}

test('the line stands where the model stopped seeing, with the exact count; a pinned message stays', async () => {
  const filler = 'The herd went over the hill and came back in the evening. '.repeat(8);
  const chatId = await importChat(
    Array.from({ length: 12 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `${index}: ${filler}`,
    })),
  );
  const { page } = await here.open({ path: `/#/c/${chatId}` });
  await page.locator('.message').last().waitFor();
  await say(page, 'what did I ask first?');
  await expect.poll(() => page.locator('.message--answer').count()).toBe(7);
  await answered(page);
  const plan = await planOf(chatId);
  const shown = await drawn(page);
  const gone = plan.messages.filter((message) => !message.seen);
  const tokens = gone.reduce((sum, message) => sum + message.tokens, 0);
  expect(gone.length).toBeGreaterThan(3);
  expect(shown.words).toBe(`The model no longer sees what is above (${number.format(tokens)} tokens)`);
  expect(shown.unseen).toEqual(plan.droppedMessageIds);
  expect(shown.above).toEqual(plan.droppedMessageIds);
  const unseen = await page.locator('.message[data-unseen]').last().evaluate(inkOf);
  expect(unseen).not.toBe(await page.locator('.message').last().evaluate(inkOf));

  const first = page.locator('.message--person').first();
  await first.scrollIntoViewIfNeeded();
  await first.hover();
  await first.getByRole('button', { name: 'Keep in view of the model' }).click();
  await first.getByText('Kept in view of the model').waitFor();
  await say(page, 'and now?');
  await expect.poll(() => page.locator('.message--answer').count()).toBe(8);
  await answered(page);
  const [pinned = ''] = shown.unseen;
  const later = await drawn(page);
  expect((await planOf(chatId)).droppedMessageIds).not.toContain(pinned);
  expect(later.above).toContain(pinned);
  expect(later.unseen).not.toContain(pinned);

  // The same after a reload, from what the server keeps.
  await page.reload();
  expect(await drawn(page)).toEqual(later);
});

test('who waits sees the place in the queue, then how far the prompt is read, then the first word’s time', async () => {
  const { page, context } = await here.open();
  const other = await context.newPage();
  await other.goto(here.server.address);
  await other.locator('#composer').waitFor();
  await say(page, '/long 4000');
  await page.locator('[data-state="running"] .prose p').first().waitFor();
  await say(other, `${'please read all of this '.repeat(30)}/long 5`);
  await other.getByText('Next in the queue, about 12 s').waitFor();
  await other.getByText(/Reading the prompt, [\d,]+ of [\d,]+ tokens/).waitFor({ timeout: 40_000 });
  await answered(other);
  expect(await other.locator('.message--answer .message__figures').innerText()).toMatch(/first word after/);
  await answered(page);
});

test('signing in, and in again when the session is over: nothing typed is lost', async () => {
  const key = 'the-key-of-this-corral';
  const locked = await servePage({ environment: { CORRAL_ACCESS_KEY: key } });
  const context = await here.browser.newContext();
  const page = await context.newPage();
  await page.goto(locked.address);
  await page.getByLabel('Access key').fill('not the key at all');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect.poll(() => page.getByRole('alert').innerText()).not.toBe('');
  await page.getByLabel('Access key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  // All that the first page asks for is here, so that the message is what finds the session over.
  await page.locator('.empty[data-ready]').waitFor();
  await page.locator('#composer').fill('typed after the session ended');
  await context.clearCookies();
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'This Corral asks for its access key' });
  await dialog.waitFor();
  await dialog.getByLabel('Access key').fill('still not the key');
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await dialog.getByText('That key is not right.').waitFor();
  await dialog.getByLabel('Access key').fill(key);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(await page.locator('#composer').inputValue()).toBe('typed after the session ended');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  expect(await answered(page)).toContain('typed after the session ended');
  await context.close();
  await locked.close();
});

test('a message that cannot fit is refused with the counts, and stays to be made shorter', async () => {
  const { page } = await here.open();
  await say(page, 'much too long '.repeat(400));
  const note = page.locator('.end-note[data-kind="problem"]');
  await note.waitFor({ timeout: 20_000 });
  expect(await note.innerText()).toMatch(/[\d,]{4,}[^]*1,?500/);
  expect(await page.locator('.message--person').innerText()).toContain('much too long');
});

test('what the operator configured is shown locked; a secret is named, never shown', async () => {
  const { page } = await here.open();
  await page.locator('[data-panel-toggle]').click();
  const field = page.getByRole('spinbutton', { name: 'Context' });
  await field.waitFor();
  await expect.poll(() => field.isDisabled()).toBe(true);
  expect(await field.inputValue()).toBe('1500');
  await page.getByText('Set by the operator: 1500.').waitFor();
  expect(await page.getByRole('spinbutton', { name: 'Temperature' }).isDisabled()).toBe(false);
  await page.goto(`${here.server.address}/#/settings/about`);
  await page.getByText('hubToken').waitFor();
  const text = await page.locator('.settings__body').innerText();
  expect(text).toMatch(/hubToken\s+hidden/);
  expect(text).toMatch(/contextTokens\s+1500/);
  expect(text).not.toContain('hf_secret');
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
  const { page, context } = await here.open({ address: old.address });
  await say(page, 'before the update');
  await answered(page);
  await page.locator('.message--person').getByRole('button', { name: 'Edit' }).click();
  const editor = page.locator('.message-editor').getByRole('textbox');
  await editor.fill('reworded before the update');
  await page.locator('#composer').fill('typed before the update');
  await old.close();
  const newer = await servePage({ root, environment, pageFolder });
  await page.getByText('Corral was updated.').waitFor({ timeout: 30_000 });
  expect(await axeFaultsInBothThemes(page)).toEqual([]);
  expect(await page.locator('#composer').inputValue()).toBe('typed before the update');
  expect(await page.locator('.message--answer').count()).toBe(1);
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.locator('.message--answer').waitFor();
  expect(await page.getByText('Corral was updated.').count()).toBe(0);
  expect(await page.locator('#composer').inputValue()).toBe('typed before the update');
  expect(await editor.inputValue()).toBe('reworded before the update');
  await editor.press('Escape');
  await editor.waitFor({ state: 'detached' });
  await page.reload();
  await page.locator('.message--answer').waitFor();
  expect(await editor.count()).toBe(0);
  await context.close();
  await newer.close();
});
