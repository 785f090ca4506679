import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Receipt } from '../../src/contracts/runs.ts';
import { nativeClient } from '../fixtures/native-client.ts';
import { root } from '../program.ts';
import { json, startService } from '../remote/stand-in-service.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';
import { startCria } from './start-cria.ts';

const here = inBrowser(
  async () => {
    // Answers for a second model, from elsewhere.
    const service = await servePage();
    const server = await startCria({
      environment: { CORRAL_PROVIDER_LAB_URL: `${service.address}/v1`, CORRAL_PROVIDER_LAB_KIND: 'openai' },
      before: [['adapter', 'add', join(root, 'cria', 'adapters', 'pirate'), '--base', 'cria']],
    });
    return {
      ...server,
      async close() {
        await server.close();
        await service.close();
      },
    };
  },
  { timeoutMs: 180_000 },
);

const dialogOf = (page: Page): Locator => page.getByRole('dialog', { name: 'Side by side' });
const side = (page: Page, name: 'Left' | 'Right'): Locator => dialogOf(page).getByRole('group', { name });

/** Runs in the page, of whose types this folder knows nothing. */
function opacityOf(element: unknown): string {
  const page = globalThis as unknown as { getComputedStyle(of: unknown): { opacity: string } };
  return page.getComputedStyle(element).opacity;
}

async function call(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(here.server.address + path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  expect(response.ok).toBe(true);
  const text = await response.text();
  return text === '' ? undefined : JSON.parse(text);
}

async function openCompare(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Side by side' }).click();
  await side(page, 'Right').waitFor();
}

async function answerBoth(page: Page, message?: string): Promise<void> {
  if (message) await dialogOf(page).getByRole('textbox', { name: 'Message to both' }).fill(message);
  await dialogOf(page).getByRole('button', { name: 'Answer with both' }).click();
  await bothEnd(page);
}

async function bothEnd(page: Page): Promise<void> {
  await expect
    .poll(() => dialogOf(page).getByRole('button', { name: 'Keep this one' }).count(), { timeout: 60_000 })
    .toBe(2);
}

test('two models answer one message under their names, and the kept one is the chat’s answer', async () => {
  const { page } = await here.open();
  await openCompare(page);
  await side(page, 'Left').getByLabel('Model').selectOption('cria');
  await side(page, 'Right').getByLabel('Model').selectOption('lab:scripted');
  await answerBoth(page, 'which of you guards better?');
  const left = dialogOf(page).getByRole('region', { name: /^Cria/ });
  const right = dialogOf(page).getByRole('region', { name: /^lab:scripted/ });
  expect(await left.getByRole('heading').innerText()).toBe('Cria');
  expect((await left.locator('.prose').innerText()).length).toBeGreaterThan(0);
  expect(await right.locator('.prose').innerText()).toContain('You said "which of you guards better?"');
  for (const column of [left, right]) {
    const figures = column.locator('.message__figures');
    expect(await figures.innerText()).toMatch(/\d+ tokens[^]*tok\/s/);
    expect(await figures.evaluate(opacityOf)).toBe('1');
  }
  await right.getByRole('button', { name: 'Keep this one' }).click();
  await dialogOf(page).waitFor({ state: 'detached' });
  const answer = page.locator('.message--answer');
  await expect.poll(() => answer.locator('.prose').innerText()).toContain('You said');
  expect(await answer.locator('.branches').innerText()).toContain('2/2');
  // Another model can also be asked for one more version.
  await answer.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Answer again with…' }).hover();
  await page.getByRole('menuitem', { name: 'cria', exact: true }).click();
  await expect.poll(() => answer.locator('.branches').innerText()).toContain('3/3');
  await answered(page, 60_000);
  await answer.getByRole('button', { name: 'Receipt' }).click();
  await expect.poll(() => page.locator('.receipt').innerText()).toMatch(/Model\s+cria/);
});

test('two adapters answer one message, each side named by what sets it apart', async () => {
  const { page } = await here.open();
  await openCompare(page);
  for (const name of ['Left', 'Right'] as const) {
    await side(page, name).getByLabel('Model').selectOption('cria');
    await side(page, name).getByLabel('Temperature').fill('0');
  }
  await side(page, 'Right').getByLabel('Adapters').selectOption({ label: 'pirate' });
  await answerBoth(page, 'Who are you?');
  const plain = dialogOf(page).getByRole('region', { name: 'Cria, without an adapter' });
  const pirate = dialogOf(page).getByRole('region', { name: 'Cria, with pirate' });
  await pirate.getByText('with pirate', { exact: true }).waitFor();
  expect(await plain.locator('.prose').innerText()).not.toBe(await pirate.locator('.prose').innerText());
  await pirate.getByRole('button', { name: 'Keep this one' }).click();
  await dialogOf(page).waitFor({ state: 'detached' });
  await page.locator('.message--answer').getByRole('button', { name: 'Receipt' }).click();
  await expect.poll(() => page.locator('.receipt').innerText()).toMatch(/pirate × 1\n/);
  const client = nativeClient(here.server.address);
  const { chat, messages } = await client.open(new URL(page.url()).hash.split('/').at(-1)!);
  const runId = messages.find(({ id }) => id === chat.activeLeafId)?.runId;
  const { model, adapters } = await client.call<Receipt>('GET', `/api/runs/${runId}/receipt`);
  const hash = /^[0-9a-f]{64}$/;
  expect(model.sha256).toMatch(hash);
  expect(adapters).toEqual([{ id: 'pirate', scale: 1, sha256: expect.stringMatching(hash) }]);
  expect(adapters[0]?.sha256).not.toBe(model.sha256);
});

test('an answer is given again with two temperatures, which the sides name; equal sides say that', async () => {
  const { page } = await here.open();
  await say(page, 'Hello');
  await answered(page, 60_000);
  const more = page.locator('.message--answer').getByRole('button', { name: 'More' });
  await more.click();
  await page.getByRole('menuitem', { name: 'Answer side by side' }).click();
  await side(page, 'Left').getByLabel('Temperature').fill('0.35');
  await side(page, 'Right').getByLabel('Temperature').fill('1.1');
  await answerBoth(page);
  await dialogOf(page).getByText('temperature 0.35', { exact: true }).waitFor();
  await dialogOf(page).getByText('temperature 1.1', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => page.locator('.branches').innerText()).toContain('/3');
  await openCompare(page);
  for (const name of ['Left', 'Right'] as const) await side(page, name).getByLabel('Temperature').fill('0.5');
  await answerBoth(page, 'And now?');
  await expect.poll(() => dialogOf(page).getByText('the same settings', { exact: true }).count()).toBe(2);
});

test('a preset is chosen for one side: all its settings hold there, and the side is named by it', async () => {
  const preset = {
    systemPrompt: 'Answer in one word.',
    sampling: { temperature: 0.27, maxNewTokens: 5 },
    rememberExchanges: 2,
  };
  await call('PUT', '/api/presets/Terse', { settings: preset });
  const { page } = await here.open();
  await openCompare(page);
  for (const name of ['Left', 'Right'] as const) {
    await side(page, name).getByLabel('Model').selectOption('cria');
    await side(page, name).getByLabel('Temperature').fill('0');
  }
  await side(page, 'Right').getByLabel('Preset').selectOption('Terse');
  expect(await side(page, 'Right').getByLabel('Temperature').inputValue()).toBe('0.27');
  await answerBoth(page, 'Who are you?');
  await dialogOf(page).getByRole('region', { name: 'Cria, without a preset, temperature 0' }).waitFor();
  const terse = dialogOf(page).getByRole('region', { name: 'Cria, preset “Terse”, temperature 0.27' });
  await terse.getByRole('button', { name: 'Keep this one' }).click();
  await dialogOf(page).waitFor({ state: 'detached' });
  await page.locator('.message--answer').getByRole('button', { name: 'Receipt' }).click();
  await expect
    .poll(() => page.locator('.receipt').innerText())
    .toMatch(/at most 2 past exchanges[^]*temperature 0\.27[^]*maxNewTokens 5/);
});

test('a side that reached its limit goes on in its column, one that failed is answered again there', async () => {
  await call('PUT', '/api/presets/Short', { settings: { sampling: { temperature: 0, maxNewTokens: 5 } } });
  const { page } = await here.open();
  await openCompare(page);
  await side(page, 'Left').getByLabel('Model').selectOption('cria');
  await side(page, 'Left').getByLabel('Preset').selectOption('Short');
  await side(page, 'Right').getByLabel('Model').selectOption('lab:scripted');
  // A command of the service; the other side takes it for a question.
  await answerBoth(page, '/fail');
  const short = dialogOf(page).getByRole('region', { name: /^Cria/ });
  const failed = dialogOf(page).getByRole('region', { name: /^lab:scripted/ });
  const begun = await short.locator('.prose').innerText();
  await short.getByRole('button', { name: 'Continue' }).click();
  await expect
    .poll(async () => (await short.locator('.prose').innerText()).length, { timeout: 60_000 })
    .toBeGreaterThan(begun.length);
  await bothEnd(page);
  expect(await short.locator('.prose').innerText()).toContain(begun);
  const answers = async (): Promise<number> => {
    const { messages } = (await call('GET', `/api/chats/${page.url().split('/').at(-1)}`)) as {
      messages: { role: string }[];
    };
    return messages.filter(({ role }) => role === 'assistant').length;
  };
  expect(await answers()).toBe(2);
  await failed.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(answers).toBe(3);
  await bothEnd(page);
  await failed.getByRole('alert').waitFor();
});

test('a message to both that was refused stays, whatever is done with the notice and the view, until it goes out', async () => {
  const { page } = await here.open();
  const message = dialogOf(page).getByRole('textbox', { name: 'Message to both' });
  const start = dialogOf(page).getByRole('button', { name: 'Answer with both' });
  // By its role: a screen reader finds it as well.
  const notice = page.getByRole('alert').getByText('There is no room left.');
  await openCompare(page);
  await message.fill('which of you guards better?');
  const error = { code: 'disk-full', message: 'There is no room left.' };
  await page.route('**/runs', (route) => route.fulfill({ status: 507, json: { error } }));
  await start.click();
  await notice.waitFor();
  await page.locator('.toast').getByRole('button', { name: 'Close' }).click();
  await notice.waitFor({ state: 'detached' });
  expect(await message.inputValue()).toBe('which of you guards better?');
  await page.keyboard.press('Escape');
  await dialogOf(page).waitFor({ state: 'detached' });
  await openCompare(page);
  expect(await message.inputValue()).toBe('which of you guards better?');
  await page.unroute('**/runs');
  await answerBoth(page);
  await page.keyboard.press('Escape');
  await dialogOf(page).waitFor({ state: 'detached' });
  await openCompare(page);
  expect(await message.inputValue()).toBe('');
});

test('models of a service that takes long to list them come into the open dialog when they are there', async () => {
  let list = (): void => undefined;
  const service = await startService({
    'GET /v1/models': async (request, response) => {
      await new Promise<void>((resolve) => (list = resolve));
      await json(200, { data: [{ id: 'slow' }] })(request, response);
    },
  });
  const { page } = await here.open();
  await openCompare(page);
  const model = side(page, 'Right').getByLabel('Model');
  const listed = page.waitForResponse((response) => response.url().endsWith('/api/models'));
  await call('PUT', '/api/providers/late', { kind: 'openai', url: `${service.url}/v1` });
  expect(await (await listed).text()).not.toContain('late:slow');
  list();
  await model.selectOption('late:slow');
  await service.close();
});

test('two presses of the button are one question', async () => {
  const { page } = await here.open();
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/runs')) asked.push(request.url());
  });
  await openCompare(page);
  await dialogOf(page).getByRole('textbox', { name: 'Message to both' }).fill('once');
  await dialogOf(page).getByRole('button', { name: 'Answer with both' }).dblclick();
  await bothEnd(page);
  expect(asked).toHaveLength(1);
});

test('every model of a service is offered, however many there are', async () => {
  const data = Array.from({ length: 45 }, (_, index) => ({ id: `model-${index + 1}` }));
  const service = await startService({ 'GET /v1/models': json(200, { data }) });
  await call('PUT', '/api/providers/router', { kind: 'openai', url: `${service.url}/v1` });
  const { page } = await here.open();
  await page.locator('[data-model-picker]').click();
  const last = page.getByRole('menuitem', { name: /^router:model-45/ });
  await last.waitFor();
  await page.keyboard.press('Escape');
  await last.waitFor({ state: 'detached' });
  await say(page, 'Hello');
  await answered(page, 60_000);
  await page.locator('.message--answer').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Answer again with…' }).hover();
  await last.waitFor();
  await service.close();
});

test('the strength of an adapter is that of the shown chat, and passing it by changes nothing', async () => {
  const known = (await call('GET', '/api/models')) as { models: { id: string; adapters: string[] }[] };
  const id = known.models.find((model) => model.id === 'cria')?.adapters[0] ?? '';
  const withScale = (scale: number) => ({ settings: { model: 'cria', adapters: [{ id, scale }] } });
  const [weak, strong] = [
    (await call('POST', '/api/chats', withScale(0.5))) as { id: string },
    (await call('POST', '/api/chats', withScale(1.5))) as { id: string },
  ];
  const scaleOf = async (chat: { id: string }): Promise<unknown> => {
    const opened = (await call('GET', `/api/chats/${chat.id}`)) as {
      chat: { settings: { adapters: { scale: number }[] } };
    };
    return opened.chat.settings.adapters[0]?.scale;
  };
  const { page } = await here.open({ path: `/#/c/${weak.id}` });
  await page.locator('[data-panel-toggle]').click();
  const slider = page.getByRole('slider', { name: 'Strength: pirate' });
  await expect.poll(() => slider.inputValue()).toBe('0.5');
  await page.evaluate(`location.hash = '#/c/${strong.id}'`);
  await expect.poll(() => slider.inputValue()).toBe('1.5');
  await page.getByRole('checkbox', { name: 'pirate' }).focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  // Another tab sets it; nothing that was shown before is written over that.
  await call('PATCH', `/api/chats/${strong.id}`, withScale(1.2));
  await expect.poll(() => slider.inputValue()).toBe('1.2');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Tab');
  await page.waitForTimeout(1_000);
  expect([await scaleOf(weak), await scaleOf(strong)]).toEqual([0.5, 1.2]);
  await slider.focus();
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => scaleOf(strong)).toBe(1.25);
  expect(await scaleOf(weak)).toBe(0.5);
});
