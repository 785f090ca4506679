import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser();

test('a database that was damaged is spoken of until it is read; what is logged is marked, and nothing else', async () => {
  const root = mkdtempSync(join(tmpdir(), 'corral-notices-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'home'));
  writeFileSync(join(root, 'home', 'corral.db'), 'this is no database '.repeat(500));
  const server = await servePage({ root, environment: { LOGGING_URL: 'http://127.0.0.1:9/log' } });
  onTestFinished(() => server.close());
  const { page } = await here.open({ address: server.address });
  const notice = page.getByText('The database was damaged');
  await notice.waitFor();
  await page.getByRole('button', { name: 'Understood' }).click();
  await notice.waitFor({ state: 'detached' });
  await page.reload();
  await page.locator('#composer').waitFor();
  await page.getByText('Logged', { exact: true }).waitFor();
  expect(await notice.count()).toBe(0);
  await page.getByRole('button', { name: 'Temporary chat' }).click();
  await say(page, 'not for the log');
  await answered(page);
  expect(await page.getByText('Logged', { exact: true }).count()).toBe(0);
});

test('two chats of the same name that are deleted one after the other come back with one Undo', async () => {
  const server = await servePage();
  onTestFinished(() => server.close());
  for (let count = 0; count < 2; count++) await server.call('POST', '/api/chats', { title: 'the same name' });
  const { page } = await here.open({ address: server.address });
  const rows = page.getByRole('link', { name: 'the same name' });
  for (const left of [1, 0]) {
    await rows.first().press('Delete');
    await expect.poll(() => rows.count()).toBe(left);
  }
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => rows.count()).toBe(2);
});
