import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { ContextPlan } from '../../src/contracts/runs.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

// A line of text is about 60 tokens: each second brings one or two.
const here = inBrowser(() => servePage({ script: { tokensPerSecond: 100 } }));

/** Longer than a screen, and with room for an answer that is still written when all is looked at. */
async function longChat(): Promise<string> {
  const filler = 'The herd went over the hill and came back in the evening. '.repeat(8);
  const messages = Array.from({ length: 12 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `${index}: ${filler}`,
  }));
  const { body } = await here.server.call('POST', '/api/import', {
    [`long talk ${Math.random()}`]: messages,
  });
  const [chatId = ''] = body['chatIds'] as string[];
  await here.server.call('PATCH', `/api/chats/${chatId}`, {
    settings: { sampling: { maxNewTokens: 4_000 } },
  });
  return chatId;
}

interface Place {
  top: number;
  /** How much lies below what is in view. */
  below: number;
}

/** As a frame left it: text that is in the document already is followed when it is drawn. */
const place = (page: Page): Promise<Place> =>
  page.evaluate(`new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => {
    const { scrollTop, scrollHeight, clientHeight } = document.querySelector('[data-transcript]');
    resolve({ top: Math.round(scrollTop), below: Math.round(scrollHeight - scrollTop - clientHeight) });
  })))`);

/** One turn of the wheel, and where it led to. Lines that come meanwhile only add to what lies below. */
async function scrollUp(page: Page, pixels: number): Promise<Place> {
  const { below } = await place(page);
  await page.locator('[data-transcript]').hover({ position: { x: 200, y: 60 } });
  await page.mouse.wheel(0, -pixels);
  await expect.poll(async () => (await place(page)).below).toBeGreaterThan(below + pixels - 2);
  return place(page);
}

/** A turn of the wheel that comes when a line was followed and before the page has heard that it scrolled. */
const scrollUpBehindLine = (page: Page, pixels: number): Promise<void> =>
  page.evaluate(`new Promise((resolve) => {
    const scroller = document.querySelector('[data-transcript]');
    let height = scroller.scrollHeight;
    new ResizeObserver((_, observer) => {
      const growth = scroller.scrollHeight - height;
      height += growth;
      if (growth < 20) return;
      observer.disconnect();
      scroller.dispatchEvent(new WheelEvent('wheel', { deltaY: -${pixels} }));
      scroller.scrollTop -= ${pixels};
      resolve();
    }).observe(scroller.firstElementChild);
  })`);

const atEnd = async (page: Page): Promise<boolean> => (await place(page)).below < 40;
const written = async (page: Page): Promise<number> =>
  (await page.locator('.message--answer').last().locator('.prose').textContent())?.length ?? 0;

async function grown(page: Page, by: number): Promise<void> {
  const before = await written(page);
  await expect.poll(() => written(page)).toBeGreaterThan(before + by);
}

test('the end stays in view while text comes, nobody who reads above is moved, and one button leads back', async () => {
  const chatId = await longChat();
  const { page } = await here.open({
    path: `/#/c/${chatId}`,
    viewport: { width: 1000, height: 600 },
  });
  await page.locator('.message').last().waitFor();
  await expect.poll(() => atEnd(page)).toBe(true);
  await say(page, '/long 4000');
  await page.locator('[data-state="running"] .prose p').waitFor();
  await expect.poll(() => written(page)).toBeGreaterThan(200);
  expect(await atEnd(page)).toBe(true);

  const latest = page.getByRole('button', { name: 'Jump to latest' });
  expect(await latest.count()).toBe(0);
  // A few pixels are enough to be left in peace.
  const near = await scrollUp(page, 20);
  await grown(page, 200);
  expect((await place(page)).top).toBe(near.top);
  const read = await scrollUp(page, 700);
  await latest.waitFor();
  await grown(page, 300);
  const later = await place(page);
  expect(later.top).toBe(read.top);
  expect(later.below).toBeGreaterThan(read.below);

  await latest.click();
  await expect.poll(() => atEnd(page)).toBe(true);
  await latest.waitFor({ state: 'detached' });
  const followed = await place(page);
  await expect.poll(async () => (await place(page)).top).toBeGreaterThan(followed.top);
  expect(await atEnd(page)).toBe(true);
  await scrollUpBehindLine(page, 10);
  const behind = await place(page);
  await grown(page, 200);
  expect((await place(page)).top).toBe(behind.top);

  // Neither the end of the answer nor its figures move who reads above.
  const above = await scrollUp(page, 700);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await answered(page);
  expect((await place(page)).top).toBe(above.top);
  // One's own message is what one wants to see.
  await say(page, 'and now?');
  await expect.poll(() => atEnd(page)).toBe(true);
});

test('a message that waited, or that another device sends, moves nobody who reads above', async () => {
  const chatId = await longChat();
  const { page } = await here.open({ path: `/#/c/${chatId}`, viewport: { width: 1000, height: 600 } });
  await page.locator('.message').last().waitFor();
  await expect.poll(() => atEnd(page)).toBe(true);
  await say(page, '/long 600');
  await page.locator('[data-state="running"] .prose p').waitFor();
  await say(page, '/say I waited');
  await page.locator('.waiting__item').waitFor();
  const above = await scrollUp(page, 900);
  const answers = page.locator('.message--answer');
  const count = await answers.count();
  await expect.poll(() => answers.count(), { timeout: 60_000 }).toBe(count + 1);
  await answered(page);
  expect((await place(page)).top).toBe(above.top);
  await page.getByRole('button', { name: 'Jump to latest' }).waitFor();
  await here.server.call('POST', `/api/chats/${chatId}/runs`, {
    input: { kind: 'message', content: '/say from elsewhere' },
  });
  await expect.poll(() => answers.count()).toBe(count + 2);
  await answered(page);
  expect((await place(page)).top).toBe(above.top);
  await say(page, '/say my own');
  await expect.poll(() => answers.count()).toBe(count + 3);
  await expect.poll(() => atEnd(page)).toBe(true);
});

/** Notes every text that a screen reader would be given without asking. */
const listen = `(() => {
  window.heard = [];
  const note = (node) => {
    const element = node instanceof Element ? node : node.parentElement;
    const region = element?.closest('[aria-live], [role=status], [role=alert], [role=log]');
    if (!region || region.getAttribute('aria-live') === 'off') return;
    const text = region.textContent.trim();
    if (text !== '') window.heard.push(text);
  };
  new MutationObserver((list) => list.forEach(({ target }) => note(target)))
    .observe(document.body, { subtree: true, childList: true, characterData: true });
})()`;
const heard = (page: Page): Promise<string[]> => page.evaluate('window.heard');

test('screen readers are told of beginning and end, of no token between, and of all of it where one wants that', async () => {
  const { page } = await here.open();
  await say(page, 'the first');
  await answered(page);
  const log = page.getByRole('log', { name: 'Conversation' });
  expect(await log.getAttribute('aria-live')).toBe('off');
  await page.evaluate(listen);
  await say(page, '/long 60');
  await expect.poll(() => log.locator('[aria-busy="true"]').count()).toBe(1);
  await expect.poll(() => page.locator('.message__footer').count()).toBe(4);
  await expect.poll(() => heard(page)).toEqual(['Answering', 'Answer complete']);

  await say(page, '/fail 2 engine-hung');
  await page.locator('.end-note').getByText('The script says that this answer fails.').waitFor();
  const failure = 'The answer could not be finished. The script says that this answer fails.';
  await expect.poll(() => heard(page)).toContain(failure);
  // Once: what failed is no alarm whenever its chat is shown.
  expect(await page.getByRole('alert').count()).toBe(0);
  await say(page, '/long 4000');
  await page.locator('[data-state="running"] .prose p').waitFor();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect.poll(() => heard(page)).toContain('Stopped');

  await page.goto(`${here.server.address}/#/settings/appearance`);
  await page.getByLabel('Read answers aloud').check();
  await page.goBack();
  await page.locator('.message').last().waitFor();
  await say(page, '/say shorn in spring');
  await expect.poll(() => heard(page)).toContain('Answer complete. shorn in spring');
});

test('another chat that is shown is no end of the answer in the one before', async () => {
  const { page } = await here.open();
  await say(page, 'the quiet one');
  await answered(page);
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await say(page, '/long 4000');
  await page.locator('[data-state="running"] .prose p').waitFor();
  await page.evaluate(listen);
  await page.goBack();
  await page.locator('.message--person').getByText('the quiet one').waitFor();
  await page.goForward();
  await page.locator('[data-state="running"] .prose p').waitFor();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect.poll(() => heard(page)).toContain('Stopped');
  expect(await heard(page)).not.toContain('Answer complete');
});

test('tokens of what is typed are counted by the model itself, and the ring says how full the context is then', async () => {
  const fresh = await servePage();
  const { page, context } = await here.open({ address: fresh.address });
  const field = page.locator('#composer');
  const notes = page.locator('.composer__notes');
  await field.fill('eight characters are guessed at first');
  await expect.poll(() => notes.innerText()).toContain('≈ 10 tokens');
  expect(fresh.engines.loaded()).toEqual([]);
  await say(page, 'hello');
  await answered(page);
  const ring = notes.getByRole('img');
  const before = await ring.getAttribute('aria-label');
  expect(before).toMatch(/^\d+ of 8,192 tokens of context used$/);
  await field.fill('wool '.repeat(100));
  await expect.poll(() => notes.innerText()).toMatch(/^\d+ tokens$/);
  const counted = Number.parseInt(await notes.innerText(), 10);
  await expect.poll(() => ring.getAttribute('aria-label')).not.toBe(before);
  const used = Number.parseInt((await ring.getAttribute('aria-label')) ?? '', 10);
  await field.fill('');
  await expect.poll(() => notes.innerText()).toBe('');
  await field.fill('wool '.repeat(100));
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  await answered(page);
  // What was said while typing is what the model then saw.
  const { body } = await fresh.call('GET', `/api/chats/${page.url().split('/').at(-1)}`);
  const plan = body['plan'] as ContextPlan;
  expect(plan.messages.findLast(({ role }) => role === 'user')?.tokens).toBe(counted);
  expect(plan.promptTokens).toBe(used);
  // Nor is the first message of a chat a guess now that the model is in memory, whatever it is written in.
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await field.fill('羊'.repeat(400));
  await expect.poll(() => notes.innerText()).toMatch(/^\d+ tokens$/);
  const first = Number.parseInt(await notes.innerText(), 10);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await answered(page);
  const made = await fresh.call('GET', `/api/chats/${page.url().split('/').at(-1)}`);
  const { messages } = made.body['plan'] as ContextPlan;
  expect(messages.findLast(({ role }) => role === 'user')?.tokens).toBe(first);
  await context.close();
  await fresh.close();
});

test('what stands in the field is counted anew when its answer ends, with other settings and with another model', async () => {
  const { page } = await here.open();
  const notes = page.locator('.composer__notes');
  const content = 'and what do the guards say to that?';
  const used = async (): Promise<number> =>
    Number.parseInt(
      ((await notes.getByRole('img').getAttribute('aria-label')) ?? '').replaceAll(',', ''),
      10,
    );
  await say(page, '/long 200');
  await page.locator('[data-state="running"] .prose p').waitFor();
  await page.locator('#composer').fill(content);
  await expect.poll(() => notes.innerText()).toMatch(/^\d+ tokens$/);
  const path = `/api/chats/${page.url().split('/').at(-1)}`;
  /** As the server has it now, and the ring soon. */
  const seen = async (): Promise<number> => {
    const { body } = await here.server.call('POST', `${path}/count`, { content });
    const { promptTokens } = body['plan'] as ContextPlan;
    await expect.poll(used).toBe(promptTokens);
    return promptTokens;
  };
  await answered(page);
  const afterAnswer = await seen();
  const settings = { systemPrompt: 'You guard the herd. '.repeat(20) };
  await here.server.call('PATCH', path, { settings });
  expect(await seen()).toBeGreaterThan(afterAnswer);
  // Until the other model has counted, there is no count of the one before.
  const counts = '**/count';
  await page.route(counts, () => undefined);
  await here.server.call('PATCH', path, { settings: { ...settings, model: 'scripted-two' } });
  await expect.poll(() => notes.innerText()).toBe('');
  await page.unroute(counts);
  await page.locator('#composer').pressSequentially('!');
  await expect.poll(() => notes.innerText()).toMatch(/^\d+ tokens$/);
  // Nor is there one of the message before while the next is begun.
  await page.route(counts, () => undefined);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  await answered(page);
  const asked = page.waitForRequest(counts);
  await page.locator('#composer').fill('so');
  await asked;
  expect(await notes.innerText()).toBe('');
});

test('a tall message field covers neither the end of what was said nor the way back to it', async () => {
  const chatId = await longChat();
  const { page } = await here.open({ path: `/#/c/${chatId}`, viewport: { width: 1000, height: 700 } });
  await page.locator('.message').last().waitFor();
  await expect.poll(() => atEnd(page)).toBe(true);
  await page.locator('.composer__field').fill('a line\n'.repeat(9));
  const edges = async (selector: string): Promise<{ top: number; bottom: number }> => {
    const { y, height } = (await page.locator(selector).last().boundingBox())!;
    return { top: y, bottom: y + height };
  };
  await expect
    .poll(async () => (await edges('.message')).bottom - (await edges('.composer')).top)
    .toBeLessThan(0);
  expect(await atEnd(page)).toBe(true);
  await scrollUp(page, 900);
  await page.getByRole('button', { name: 'Jump to latest' }).waitFor();
  expect((await edges('.latest')).bottom).toBeLessThan((await edges('.composer')).top);
});
