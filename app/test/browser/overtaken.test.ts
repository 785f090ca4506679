import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage({ environment: { CORRAL_FEEDBACK: 'true' } }));

/** Holds the next look at the shown chat back: it was answered before what is done next, and comes after it. */
async function holdNextLook(page: Page): Promise<{ release: () => Promise<void> }> {
  const address = `${here.server.address}/api/chats/${page.url().split('/').at(-1)}`;
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let hasAnswer = (): void => undefined;
  const answer = new Promise<void>((resolve) => (hasAnswer = resolve));
  const handler = async (route: Route): Promise<void> => {
    if (route.request().method() !== 'GET') return route.fallback();
    const response = await route.fetch();
    hasAnswer();
    await held;
    await route.fulfill({ response });
  };
  await page.route(address, handler, { times: 1 });
  // The page is told that another program pinned a message. The version of the chat stays, so that what is done here
  // next meets no conflict, after which the page would look again in any case.
  const path = new URL(address).pathname;
  const { body } = await here.server.call('GET', path);
  const [question] = body['messages'] as { id: string }[];
  await here.server.call('PATCH', `${path}/messages/${question?.id}`, { pinned: true });
  await answer;
  return {
    async release() {
      const arrived = page.waitForResponse((response) => response.url() === address);
      release();
      await arrived;
    },
  };
}

/** A chat with an answer, so long ago that a notice is not taken for an echo of one's own message. */
async function chatAtRest(): Promise<Page> {
  const { page } = await here.open();
  await say(page, 'judge me');
  await answered(page);
  await page.waitForTimeout(3_000);
  return page;
}

const saved = (page: Page) => page.waitForResponse((response) => response.request().method() === 'PATCH');

/** True at once after what came was drawn, and when the page has had time to look again. */
async function stays(page: Page, isSo: () => Promise<boolean>): Promise<void> {
  for (const ms of [100, 1_000]) {
    await page.waitForTimeout(ms);
    expect(await isSo()).toBe(true);
  }
}

test('an older look does not hide a judgement that was given meanwhile', async () => {
  const page = await chatAtRest();
  const look = await holdNextLook(page);
  const good = page.locator('.message--answer').getByRole('button', { name: 'Good answer' });
  await Promise.all([saved(page), good.click()]);
  await look.release();
  await stays(page, async () => (await good.getAttribute('aria-pressed')) === 'true');
});

test('a judgement and a pin that are refused are not shown as given', async () => {
  const { page } = await here.open();
  await say(page, 'judge me');
  await answered(page);
  const answer = page.locator('.message--answer');
  const person = page.locator('.message--person');
  const good = answer.getByRole('button', { name: 'Good answer' });
  const pin = person.getByRole('button', { name: 'Keep in view of the model' });
  const error = { code: 'disk-full', message: 'There is no room left.' };
  await page.route('**/messages/*', (route) => route.fulfill({ status: 507, json: { error } }));
  await good.click();
  await page.getByText('There is no room left.').first().waitFor();
  await expect.poll(() => good.getAttribute('aria-pressed')).toBe('false');
  await person.hover();
  await pin.click();
  await expect.poll(() => pin.getAttribute('aria-pressed')).toBe('false');
  expect(await person.getByText('Kept in view of the model').count()).toBe(0);
  // A thumb that is given meanwhile is not taken back with the pin.
  let refuse = (): void => undefined;
  const refused = new Promise<void>((resolve) => (refuse = resolve));
  await page.unroute('**/messages/*');
  await page.route('**/messages/*', async (route) => {
    if (!route.request().postData()?.includes('pinned')) return route.continue();
    await refused;
    await route.fulfill({ status: 507, json: { error } });
  });
  await answer.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Keep in view of the model' }).click();
  await answer.getByText('Kept in view of the model').waitFor();
  await Promise.all([saved(page), good.click()]);
  refuse();
  await expect.poll(() => answer.getByText('Kept in view of the model').count()).toBe(0);
  expect(await good.getAttribute('aria-pressed')).toBe('true');
});

test('an older look does not hide a setting that was changed meanwhile', async () => {
  const page = await chatAtRest();
  await page.locator('[data-panel-toggle]').click();
  const topK = page.locator('.panel input[type=number]').and(page.getByLabel('Top-k', { exact: true }));
  await topK.waitFor();
  const look = await holdNextLook(page);
  await topK.fill('7');
  await Promise.all([saved(page), topK.blur()]);
  await look.release();
  const reset = page.getByRole('button', { name: 'Reset Top-k' });
  await stays(page, async () => (await topK.inputValue()) === '7' && (await reset.count()) === 1);
});

test('an answer asked for right after a setting was changed is made with it, however slow the saving is', async () => {
  const { page } = await here.open();
  await say(page, 'once more');
  await answered(page);
  await page.locator('[data-panel-toggle]').click();
  const topK = page.locator('.panel input[type=number]').and(page.getByLabel('Top-k', { exact: true }));
  await topK.waitFor();
  const path = `/api/chats/${page.url().split('/').at(-1)}`;
  await page.route(here.server.address + path, async (route) => {
    if (route.request().method() === 'PATCH') await new Promise((resolve) => setTimeout(resolve, 2_000));
    await route.continue();
  });
  await topK.fill('7');
  await page.locator('.message--answer').getByRole('button', { name: 'Answer again', exact: true }).click();
  await page.getByRole('group', { name: 'Version 2 of 2' }).waitFor();
  await answered(page);
  const { body } = await here.server.call('GET', path);
  const shown = (body['messages'] as { id: string; runId: string }[]).find(
    ({ id }) => id === (body['chat'] as { activeLeafId: string }).activeLeafId,
  );
  const receipt = await here.server.call('GET', `/api/runs/${shown?.runId}/receipt`);
  expect(receipt.body['sampling']).toMatchObject({ topK: 7 });
});

interface Message {
  id: string;
  parentId: string | null;
  content: string;
}

/** A chat whose one question has two answers, the second of which is shown. */
async function chatOfTwoVersions() {
  const { page } = await here.open();
  await say(page, 'once more');
  await answered(page);
  await page.locator('.message--answer').getByRole('button', { name: 'Answer again', exact: true }).click();
  await version(page, 2).waitFor();
  await answered(page);
  const path = `/api/chats/${page.url().split('/').at(-1)}`;
  const messages = async (): Promise<Message[]> =>
    (await here.server.call('GET', path)).body['messages'] as Message[];
  const [, first, second] = await messages();
  /** The answer which a message follows, as the server has it and as the model read it. */
  const before = async (content: string): Promise<string | null | undefined> =>
    (await messages()).find((message) => message.content === content)?.parentId;
  return { page, path, address: here.server.address + path, first, second, before };
}

const version = (page: Page, number: number) => page.getByRole('group', { name: `Version ${number} of 2` });
const earlier = (page: Page) => page.getByRole('button', { name: 'Earlier version' });

test('a message right after another version was chosen is answered after that one, however slow the choice is saved', async () => {
  const { page, address, first, before } = await chatOfTwoVersions();
  let save = (): void => undefined;
  const isSaved = new Promise<void>((resolve) => (save = resolve));
  await page.route(address, async (route) => {
    if (route.request().method() === 'PATCH') await isSaved;
    await route.continue();
  });
  await earlier(page).click();
  await version(page, 1).waitFor();
  await say(page, 'and then?');
  await page.getByText('On its way').waitFor();
  save();
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  await answered(page);
  expect(await before('and then?')).toBe(first?.id);
  await stays(page, async () => (await version(page, 1).count()) === 1);
  expect(await page.locator('.message--person').count()).toBe(2);
});

test('a version that the server refuses to show is not shown on, and no message goes after it', async () => {
  const { page, address, second, before } = await chatOfTwoVersions();
  const error = { code: 'disk-full', message: 'There is no room left.' };
  await page.route(address, (route) =>
    route.request().method() === 'PATCH' ? route.fulfill({ status: 507, json: { error } }) : route.continue(),
  );
  await earlier(page).click();
  await page.getByText('There is no room left.').first().waitFor();
  await version(page, 2).waitFor();
  await say(page, 'and then?');
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  await answered(page);
  expect(await before('and then?')).toBe(second?.id);
});

test('a message follows what its tab shows, also where another one chose another version meanwhile', async () => {
  const { page, path, address, first, second, before } = await chatOfTwoVersions();
  // As in a tab that has not heard of it yet.
  await page.route(address, (route) => route.abort());
  await here.server.call('PATCH', path, { activeLeafId: first?.id });
  await say(page, 'and then?');
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  await answered(page);
  expect(await before('and then?')).toBe(second?.id);
  expect(await version(page, 2).count()).toBe(1);
});
