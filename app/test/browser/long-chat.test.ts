import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const messageCount = 600;
const here = inBrowser(() => servePage());
let address: string;

beforeAll(async () => {
  const messages = Array.from({ length: messageCount }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `Message ${index + 1} of the long talk`,
  }));
  const { body } = await here.server.call('POST', '/api/import', { 'the long talk': messages });
  address = `${here.server.address}/#/c/${(body['chatIds'] as string[])[0]}`;
});

const message = (page: Page, number: number) =>
  page.getByText(`Message ${number} of the long talk`, { exact: true });

const scrolled = (page: Page): Promise<number> =>
  page.evaluate(`document.querySelector('[data-transcript]').scrollTop`);

test('a long chat opens at its end, from the list and by its address, and only what is in view is drawn', async () => {
  const { page } = await here.open();
  await page.locator('.chat-row').click();
  await message(page, messageCount).waitFor();
  expect(await page.locator('.message').count()).toBeLessThan(60);
  await page.goto(address);
  await page.reload();
  await message(page, messageCount).waitFor();
  await page.locator('[data-transcript]').hover();
  const up = async (): Promise<number> => {
    await page.mouse.wheel(0, -20_000);
    return message(page, 1).count();
  };
  await expect.poll(up).toBe(1);
  await expect.poll(() => message(page, messageCount).count()).toBe(0);
  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await message(page, messageCount).waitFor();
});

test('find in the chat goes through its matches in both directions, by keys and by buttons, and comes round', async () => {
  const { page } = await here.open();
  await page.goto(address);
  await message(page, messageCount).waitFor();
  await page.keyboard.press('Control+f');
  const field = page.getByRole('searchbox', { name: 'Find in this chat' });
  // 11, 111, 211, … 511: the first and the last are far apart, and only one of them is drawn at a time.
  await field.fill('11 of the long talk');
  const at = async (place: number, number: number): Promise<void> => {
    await page.getByText(`${place} of 6`, { exact: true }).waitFor();
    await expect.poll(() => message(page, number).isVisible()).toBe(true);
  };
  await at(1, 11);
  await field.press('Enter');
  await at(2, 111);
  await page.getByRole('button', { name: 'Next match' }).click();
  await at(3, 211);
  await page.getByRole('button', { name: 'Previous match' }).click();
  await at(2, 111);
  await field.press('Shift+Enter');
  await at(1, 11);
  await field.press('Shift+Enter');
  await at(6, 511);
  await field.press('Enter');
  await at(1, 11);
});

test('what one scrolls to is marked where it has the words that are looked for', async () => {
  const { page } = await here.open();
  await page.goto(address);
  await message(page, messageCount).waitFor();
  await page.keyboard.press('Control+f');
  await page.getByRole('searchbox', { name: 'Find in this chat' }).fill('of the long talk');
  await page.getByText(`1 of ${messageCount}`, { exact: true }).waitFor();
  /** Each message has the words once. Marks of what is not drawn any more are empty. */
  const unmarked = (): Promise<number> =>
    page.evaluate(`document.querySelectorAll('.message').length -
      [...(CSS.highlights.get('corral-find') ?? [])].filter((mark) => mark.toString() !== '').length`);
  await expect.poll(unmarked).toBe(0);
  await page.locator('[data-transcript]').hover({ position: { x: 30, y: 30 } });
  const down = async (): Promise<number> => {
    await page.mouse.wheel(0, 8_000);
    return message(page, 1).count();
  };
  await expect.poll(down).toBe(0);
  await expect.poll(unmarked).toBe(0);
});

test('a message being reworded stays so while its row is out of view, and while another chat is shown', async () => {
  const { page } = await here.open();
  await page.goto(address);
  await page.locator('[role="log"]:not([aria-busy])').waitFor();
  await message(page, messageCount).waitFor();
  await page.locator('#composer').press('ArrowUp');
  const editor = page.getByRole('textbox', { name: 'Edit' });
  await expect.poll(() => editor.evaluate((field) => field === field.ownerDocument.activeElement)).toBe(true);
  await editor.fill('in quite other words');
  await page.locator('[data-transcript]').hover({ position: { x: 30, y: 30 } });
  const up = async (): Promise<number> => {
    await page.mouse.wheel(0, -5_000);
    return editor.count();
  };
  await expect.poll(up).toBe(0);
  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await editor.waitFor();
  expect(await editor.inputValue()).toBe('in quite other words');
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await editor.waitFor({ state: 'detached' });
  await page.goBack();
  await editor.waitFor();
  expect(await editor.inputValue()).toBe('in quite other words');
  // What one comes back for is a new message as well.
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('composer');
  await editor.press('Escape');
  await message(page, messageCount - 1).waitFor();
  await page.locator('#composer').press('ArrowUp');
  expect(await editor.inputValue()).toBe(`Message ${messageCount - 1} of the long talk`);
});

test('↑ and the way to the last message go to the end of the chat from wherever one reads', async () => {
  const { page } = await here.open();
  await page.goto(address);
  await page.locator('[role="log"]:not([aria-busy])').waitFor();
  await message(page, messageCount).waitFor();
  const scrollUp = async (): Promise<void> => {
    await page.locator('[data-transcript]').hover({ position: { x: 30, y: 30 } });
    await expect
      .poll(async () => {
        await page.mouse.wheel(0, -8_000);
        return message(page, messageCount).count();
      })
      .toBe(0);
    // The wheel has come to rest.
    let top = -1;
    await expect
      .poll(async () => {
        const before = top;
        top = await scrolled(page);
        return top - before;
      })
      .toBe(0);
  };
  const last = `Message ${messageCount - 1} of the long talk`;
  const editor = page.getByRole('textbox', { name: 'Edit' });
  const focused = (): Promise<string> =>
    page.evaluate(`document.activeElement.value ?? document.activeElement.innerText`);
  await scrollUp();
  await page.locator('#composer').press('ArrowUp');
  await expect.poll(focused).toBe(last);
  // It is being edited already: the one before it stays as it is.
  await page.locator('#composer').press('ArrowUp');
  await expect.poll(focused).toBe(last);
  expect(await editor.count()).toBe(1);
  await editor.press('Escape');
  await scrollUp();
  await page.keyboard.press('Control+Shift+L');
  await expect.poll(focused).toContain(`Message ${messageCount} of the long talk`);
});

/** Holds back the rest of the chat until `letCome`, and tells how often it was asked for. */
async function holdRest(page: Page): Promise<{ letCome: () => void; asked: () => number }> {
  let letCome = (): void => undefined;
  let count = 0;
  const allowed = new Promise<void>((resolve) => (letCome = resolve));
  await page.route(/\/api\/chats\/[^/?]+$/, async (route) => {
    if (route.request().method() !== 'GET') return route.continue();
    count++;
    await allowed;
    await route.continue();
  });
  return { letCome, asked: () => count };
}

test('the last messages are shown before the others come, and nothing that is read moves when they do', async () => {
  const { page } = await here.open();
  const rest = await holdRest(page);
  await page.goto(address);
  await message(page, messageCount).waitFor();
  await page.locator('[role="log"][aria-busy]').waitFor();
  await page.locator('[data-transcript]').hover();
  await page.mouse.wheel(0, -2_000);
  await page.getByRole('button', { name: 'Jump to latest' }).waitFor();
  await expect.poll(rest.asked).toBe(1);
  const read = await page.evaluate<string>(
    `[...document.querySelectorAll('.message')].find((row) => row.getBoundingClientRect().top > 200).dataset.id`,
  );
  const placeOf = async (): Promise<number> =>
    (await page.locator(`[data-id="${read}"]`).boundingBox())?.y ?? NaN;
  const place = await placeOf();
  const top = await scrolled(page);
  rest.letCome();
  await page.locator('[role="log"]:not([aria-busy])').waitFor();
  expect(await scrolled(page)).toBeGreaterThan(top + 10_000);
  expect(Math.abs((await placeOf()) - place)).toBeLessThanOrEqual(1);
  const up = async (): Promise<number> => {
    await page.mouse.wheel(0, -20_000);
    return message(page, 1).count();
  };
  await expect.poll(up).toBe(1);
});

test('who stays at the end stays there when the rest comes; find waits for all of it', async () => {
  const { page } = await here.open();
  const rest = await holdRest(page);
  await page.goto(address);
  await message(page, messageCount).waitFor();
  await page.keyboard.press('Control+f');
  const field = page.getByRole('searchbox', { name: 'Find in this chat' });
  await field.fill('of the long talk');
  await expect.poll(rest.asked).toBe(1);
  await page.waitForTimeout(200);
  expect(await page.getByText(/^\d+ of \d+$/).count()).toBe(0);
  await field.press('Escape');
  rest.letCome();
  await page.locator('[role="log"]:not([aria-busy])').waitFor();
  await page.waitForTimeout(200);
  expect(await message(page, messageCount).isVisible()).toBe(true);
  await page.keyboard.press('Control+f');
  await field.fill('of the long talk');
  await page.getByText(`1 of ${messageCount}`, { exact: true }).waitFor();
});

test('a message is sent, and another branch is shown, while the rest is on its way', async () => {
  const { page } = await here.open();
  const path = `/api/chats/${address.split('/').at(-1)}`;
  const { body } = await here.server.call('GET', `${path}?last=2`);
  const [asked] = body['messages'] as { id: string }[];
  const content = 'Another question at the end';
  await here.server.call('POST', `${path}/messages/${asked?.id}/edit`, { content });
  await here.server.call('PATCH', path, { activeLeafId: asked?.id });
  const rest = await holdRest(page);
  await page.goto(address);
  await message(page, messageCount).waitFor();
  await page.getByRole('group', { name: 'Version 1 of 2' }).waitFor();
  await page.locator('#composer').fill('/say A new answer.');
  await page.locator('#composer').press('Enter');
  await page.getByText('A new answer.', { exact: true }).waitFor();
  rest.letCome();
  await page.locator('[role="log"]:not([aria-busy])').waitFor();
  await page.getByText('A new answer.', { exact: true }).waitFor();
  await page
    .getByRole('group', { name: 'Version 1 of 2' })
    .getByRole('button', { name: 'Later version' })
    .click();
  await page.getByText(content, { exact: true }).waitFor();
  expect(await page.getByText('A new answer.', { exact: true }).count()).toBe(0);
});

test('a rest that does not come is asked for again', async () => {
  const { page } = await here.open();
  let refusals = 0;
  await page.route(/\/api\/chats\/[^/?]+$/, (route) => (refusals++ < 2 ? route.abort() : route.continue()));
  await page.goto(address);
  await page.locator('[role="log"]:not([aria-busy])').waitFor();
  expect(refusals).toBeGreaterThan(2);
});

test('what one sends and is answered brings nothing of the chat anew', async () => {
  const { page } = await here.open();
  await page.goto(address);
  await page.locator('[role="log"]:not([aria-busy])').waitFor();
  const looks: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'GET' && /\/api\/chats\/[^/]+$/.test(request.url())) looks.push(request.url());
  });
  await say(page, 'and one more');
  await answered(page);
  await page.waitForTimeout(1_500);
  expect(looks).toEqual([]);
});
