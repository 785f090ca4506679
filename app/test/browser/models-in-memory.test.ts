import { expect, onTestFinished, test } from 'vitest';
import { nativeClient } from '../fixtures/native-client.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { temporaryFolder } from '../program.ts';
import { axeFaultsInBothThemes } from './axe-faults.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';
import { startCria } from './start-cria.ts';

const here = inBrowser();

test('the Models view shows at once that an answer elsewhere loads a model, and that it left memory', async () => {
  const server = await servePage({ script: { loadMs: 1_500 } });
  const { page, context } = await here.open({ address: server.address, path: '/#/models' });
  const model = page.locator('.pick', { hasText: 'scripted' });
  await model.getByRole('button', { name: 'Use' }).waitFor();
  expect(await model.locator('.chip').count()).toBe(0);
  const other = await context.newPage();
  await other.goto(server.address);
  await say(other, 'hello from elsewhere');
  await model.getByText('Loading', { exact: true }).waitFor();
  await other.getByText(/Loading the model, \d+ %/).waitFor();
  await model.getByText('Loaded', { exact: true }).waitFor();
  await answered(other);
  await server.engines.unload('scripted');
  await model.getByText('Loaded', { exact: true }).waitFor({ state: 'detached' });
  await context.close();
  await server.close();
});

test('a model in memory is told to be asked in another format where its own template fails', async () => {
  const chatTemplate = "{{ raise_exception('Not today') }}";
  const { path } = await writeTinyGguf(temporaryFolder(onTestFinished), { type: 'q8_0', chatTemplate });
  const server = await startCria({ before: [['import', path]] });
  const { page, context } = await here.open({ address: server.address, path: '/#/models' });
  const model = page.locator('.pick', { hasText: 'tiny' });
  await model.getByRole('button', { name: 'Use' }).waitFor();
  await nativeClient(server.address).call('POST', '/api/models/tiny/load', {});
  await model.getByText(/refused the chat: Not today; its chats are written in a built-in format/).waitFor();
  await context.close();
  await server.close();
});

test('About draws what the models take of the memory, with a table of who is answered and who waits', async () => {
  const server = await startCria();
  const { page, context } = await here.open({ address: server.address, path: '/#/settings/about' });
  await page.getByRole('img', { name: /^Models take no model of [\d.]+ GB$/ }).waitFor();
  expect(await page.locator('.chart__table').count()).toBe(0);
  const other = await context.newPage();
  await other.goto(server.address);
  await say(other, 'Hello');
  await answered(other);
  await page.getByRole('img', { name: /^Models take [\d.]+ [MG]B of [\d.]+ GB$/ }).waitFor();
  const row = page.getByRole('row', { name: /^Cria/ });
  await expect.poll(() => row.innerText()).toMatch(/^Cria\s+[\d.]+ [MG]B\s+0\s+0$/);
  expect(await axeFaultsInBothThemes(page)).toEqual([]);
  await context.close();
  await server.close();
});
