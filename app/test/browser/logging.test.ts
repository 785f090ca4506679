import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { openLogSink, type LogSink } from '../fixtures/log-sink.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const dayMs = 24 * 60 * 60 * 1000;
let sink: LogSink;
/** Attempts are spread over three days: the server's clock can be moved on. */
let aheadMs: number;

const here = inBrowser(
  async () => {
    sink = await openLogSink();
    aheadMs = 0;
    const server = await servePage({
      environment: { LOGGING_URL: sink.url, LOGGING_SECRET: 'the-secret-of-the-sink' },
      clock: { now: () => Date.now() + aheadMs },
    });
    return {
      ...server,
      async close() {
        await server.close();
        await sink.close();
      },
    };
  },
  { isServerOfTest: true },
);

async function ask(page: Page, text: string): Promise<void> {
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await say(page, text);
  await answered(page);
  await page.getByText('Logged', { exact: true }).waitFor();
}

async function openLogging(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('link', { name: 'Logging' }).click();
  await page.getByText(`Every turn is sent to ${new URL(sink.url).host}.`).waitFor();
}

/** What stands beside a label of the list of facts. */
const fact = (page: Page, label: string): Promise<string> =>
  page
    .locator('.facts__row', { has: page.getByText(label, { exact: true }) })
    .locator('dd')
    .innerText();

const questions = (): string[] =>
  sink.received.map(({ body }) => {
    const { messages } = JSON.parse(body) as { messages: { content: string }[] };
    return messages[0]?.content ?? '';
  });

test('what a sink refused for three days is listed with the reason, and sent again one by one or all', async () => {
  sink.behave((response) => response.writeHead(400).end());
  const { page } = await here.open();
  await ask(page, 'about wool');
  await ask(page, 'about gates');
  await openLogging(page);
  await expect.poll(() => fact(page, 'Waiting')).toMatch(/^2, /);
  await expect.poll(() => fact(page, 'Last problem')).toBe('the sink answered 400');
  expect(await fact(page, 'Signed')).toBe('yes');
  expect(await fact(page, 'Last delivered')).toBe('never');
  const areDead = async (): Promise<boolean> => (await here.server.outbox.status()).dead === 2;
  while (!(await areDead())) {
    // The longest wait between two tries is a day, and a tenth more by chance.
    aheadMs += dayMs * 1.2;
    const tried = sink.received.length;
    here.server.outbox.wake();
    // The last of them may have been tried before the clock was moved on.
    await expect.poll(async () => sink.received.length > tried || (await areDead())).toBe(true);
  }
  const letters = page.locator('.pick', { hasText: '10 attempts' });
  await expect.poll(() => letters.count()).toBe(2);
  expect(await letters.first().innerText()).toContain('the sink answered 400');
  expect(await fact(page, 'Not deliverable')).toBe('2');

  sink.received.length = 0;
  sink.behave((response) => response.end());
  await letters.first().getByRole('button', { name: 'Send again' }).click();
  await expect.poll(() => fact(page, 'Delivered')).toBe('1');
  await expect.poll(() => letters.count()).toBe(1);
  await page.getByRole('button', { name: 'Send all again' }).click();
  await expect.poll(() => fact(page, 'Delivered')).toBe('2');
  await page.getByRole('heading', { name: 'Not deliverable' }).waitFor({ state: 'detached' });
  expect(await fact(page, 'Waiting')).toMatch(/^0, /);
  expect(questions().sort()).toEqual(['about gates', 'about wool']);
});

test('a sink that wants nothing more (410) is said, and delivery begins again when the person says so', async () => {
  sink.behave((response) => response.writeHead(410).end());
  const { page } = await here.open();
  await ask(page, 'about shearing');
  await openLogging(page);
  const reason = page.getByRole('alert').filter({ hasText: 'the sink answered 410' });
  await reason.waitFor();
  sink.received.length = 0;
  sink.behave((response) => response.end());
  await page.getByRole('button', { name: 'Deliver again' }).click();
  await reason.waitFor({ state: 'detached' });
  await expect.poll(() => fact(page, 'Delivered')).toBe('1');
  expect(questions()).toEqual(['about shearing']);
});

test('where the operator logs temporary chats too, without texts, the page says both', async () => {
  const forced = await servePage({
    environment: { LOGGING_URL: sink.url, LOGGING_MODE: 'metadata', LOGGING_TEMPORARY: 'true' },
  });
  const { page, context } = await here.open({ address: forced.address });
  await page.getByRole('button', { name: 'Temporary chat' }).click();
  await say(page, 'between us?');
  await answered(page);
  await page.getByText('Logged', { exact: true }).waitFor();
  await page.goto(`${forced.address}/#/settings/logging`);
  await page.getByText('the time and the settings, but no text').waitFor();
  await expect.poll(() => fact(page, 'Delivered')).toBe('1');
  expect(sink.received[0]?.body).not.toContain('between us');
  await context.close();
  await forced.close();
});

test('where nothing is logged the page says so, and no chat bears the mark', async () => {
  const quiet = await servePage();
  const { page, context } = await here.open({ address: quiet.address });
  await say(page, 'between us');
  await answered(page);
  expect(await page.getByText('Logged', { exact: true }).count()).toBe(0);
  await page.goto(`${quiet.address}/#/settings/logging`);
  await page.getByText('Nothing is logged: LOGGING_URL is not set, or LOGGING_MODE is off.').waitFor();
  await context.close();
  await quiet.close();
});
