import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../program.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage({ script: { tokensPerSecond: 500 } }));

const dialogOf = (page: Page): Locator => page.getByRole('dialog', { name: 'Restore this backup?' });
const kept = (page: Page): Locator => page.locator('.settings__body .pick');

async function titles(): Promise<string[]> {
  const { body } = await here.server.call('GET', '/api/chats');
  return (body['chats'] as { title: string }[]).map(({ title }) => title).sort();
}

async function startOver(...names: string[]): Promise<void> {
  await here.server.call('POST', '/api/erase', { confirm: 'erase everything' });
  for (const title of names) await here.server.call('POST', '/api/chats', { title });
}

async function openData(): Promise<Page> {
  const { page } = await here.open({ path: '/#/settings/data' });
  await page.getByRole('button', { name: 'Back up now' }).waitFor();
  return page;
}

async function backUp(page: Page): Promise<void> {
  const { body } = await here.server.call('GET', '/api/backups');
  const before = (body['backups'] as unknown[]).length;
  // The button is there before the list is.
  await expect.poll(() => kept(page).count()).toBe(before);
  await page.getByRole('button', { name: 'Back up now' }).click();
  await page.getByText('Backup written').waitFor();
  await expect.poll(() => kept(page).count()).toBe(before + 1);
}

test('a backup of the list is looked into and restored; what was there is one press and one entry away', async () => {
  await startOver('Before the shearing');
  const page = await openData();
  const { page: other } = await here.open();
  await backUp(page);
  expect(await kept(page).first().innerText()).toContain('made by hand');
  await here.server.call('POST', '/api/chats', { title: 'After the shearing' });
  await expect.poll(() => other.locator('.chat-row').count()).toBe(2);

  await kept(page).first().getByRole('button', { name: 'Restore' }).click();
  await dialogOf(page).getByText('It holds 1 chat with 0 messages').waitFor();
  await dialogOf(page).getByRole('button', { name: 'Cancel' }).click();
  expect(await titles()).toEqual(['After the shearing', 'Before the shearing']);

  await kept(page).first().getByRole('button', { name: 'Restore' }).click();
  await dialogOf(page).getByRole('button', { name: 'Restore', exact: true }).click();
  await page.getByText('The backup is restored').waitFor();
  expect(await titles()).toEqual(['Before the shearing']);
  // Every tab shows what is there now.
  for (const tab of [page, other]) await expect.poll(() => tab.locator('.chat-row').count()).toBe(1);
  await expect.poll(() => kept(page).first().innerText()).toContain('before a restore');
  await page.getByRole('button', { name: 'Back to before' }).click();
  await expect.poll(titles).toEqual(['After the shearing', 'Before the shearing']);
});

test('a backup is restored from a file, in both forms; a file that is none is refused and nothing is left of it', async () => {
  await startOver('In the file');
  const { page } = await here.open();
  await page.locator('.chat-row a').click();
  await say(page, 'remember the gate');
  await answered(page);
  const { home } = here.server.config;
  const names: string[] = [];
  for (const path of ['/api/backups', '/api/backups?archive=1'])
    names.push(String((await here.server.call('POST', path)).body['name']));
  await page.goto(`${here.server.address}/#/settings/data`);
  const picker = page.locator('input[type=file][accept=".db,.gz"]');
  for (const name of names) {
    await here.server.call('POST', '/api/chats', { title: 'Only here' });
    await picker.setInputFiles(join(home, 'backups', name));
    await dialogOf(page).getByText(name).waitFor();
    await dialogOf(page)
      .getByText(/It holds 1 chat with 2 messages, the newest of .*\d/)
      .waitFor();
    await dialogOf(page).getByRole('button', { name: 'Restore', exact: true }).click();
    await expect.poll(titles).toEqual(['In the file']);
  }
  const folder = temporaryFolder(onTestFinished);
  const none = join(folder, 'herd.db');
  writeFileSync(none, 'a picture of the herd');
  await picker.setInputFiles(none);
  await dialogOf(page).getByText('This file is no backup of Corral.').waitFor();
  expect(await dialogOf(page).getByRole('button', { name: 'Restore', exact: true }).isDisabled()).toBe(true);
  expect(await titles()).toEqual(['In the file']);
  expect(readdirSync(join(home, 'tmp'))).toEqual([]);
});

test('a backup can be restored while an answer is written, and chatting goes on', async () => {
  await startOver('Quiet');
  const page = await openData();
  await backUp(page);
  const { page: chat } = await here.open();
  await say(chat, '/long 8000');
  await chat.locator('.message--answer .prose p').first().waitFor();
  await kept(page).first().getByRole('button', { name: 'Restore' }).click();
  await dialogOf(page).getByRole('button', { name: 'Restore', exact: true }).click();
  await page.getByText('The backup is restored').waitFor();
  await chat.getByText('This chat is not here.').waitFor();
  await expect
    .poll(async () => (await here.server.call('GET', '/api/runs?active=1')).body['runs'])
    .toEqual([]);
  await chat.getByRole('button', { name: 'New chat' }).first().click();
  await say(chat, 'still there?');
  expect(await answered(chat)).toContain('still there?');
});
