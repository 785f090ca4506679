import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { axeFaults, looksAt } from './axe-faults.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage({ script: { tokensPerSecond: 1_000 } }));

const answer = `## Heading

A [link](https://example.org/) and \`code\`.

| a | b |
|---|---|
| 1 | 2 |

\`\`\`ts
const wool: string = "grey"; // soft
\`\`\`

- [x] done

> quoted`;

async function settle(page: Page): Promise<void> {
  await page.locator('.woven--moving').first().waitFor({ state: 'detached' });
}

/** Each of eighteen views is gone through rule by rule, which takes seconds of a busy core. */
const axeMs = 300_000;

test('no view has a fault that axe finds, in either theme', { timeout: axeMs }, async () => {
  const { page } = await here.open({ reducedMotion: 'reduce' });
  const { found, look } = looksAt(page);
  await look('empty chat');
  await say(page, `/say ${answer}`);
  await answered(page);
  await page.locator('.hljs-keyword').first().waitFor();
  await look('chat');
  await page.locator('[data-panel-toggle]').click();
  await page.getByLabel('Temperature').first().waitFor();
  await look('panel');
  await page.getByRole('button', { name: 'Receipt' }).click();
  await page.getByText('Ended because').waitFor();
  await look('receipt');
  await page.keyboard.press('Escape');
  await page.locator('.message--answer').getByRole('button', { name: 'More' }).click();
  await look('menu');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await look('palette');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Side by side' }).click();
  await page.getByRole('dialog', { name: 'Side by side' }).waitFor();
  await look('side by side');
  await page.keyboard.press('Escape');
  await page.getByRole('searchbox').first().fill('wool');
  await page.locator('.hit').first().waitFor();
  await look('search');
  await page.getByRole('searchbox').first().fill('');
  await page.getByRole('link', { name: 'Models' }).click();
  await page.getByRole('heading', { name: 'On this machine' }).waitFor();
  await look('models');
  for (const section of ['appearance', 'shortcuts', 'providers', 'logging', 'data', 'about']) {
    await page.goto(`${here.server.address}/#/settings/${section}`);
    await page.locator('.settings__body h2').waitFor();
    await settle(page);
    await look(`settings, ${section}`);
  }
  await page.goto(`${here.server.address}/#/settings/data`);
  await page.getByRole('button', { name: 'Back up now' }).click();
  await page
    .getByRole('button', { name: /^Restore the backup/ })
    .first()
    .click();
  await page.getByText(/^It holds/).waitFor();
  await look('restore');
  expect(found).toEqual({});
});

test.each([
  [1024, 768],
  [390, 844],
])('nothing is wider than a screen of %i, and panel and sidebar lie over it', async (width, height) => {
  const { page } = await here.open({
    viewport: { width, height },
    reducedMotion: 'reduce',
  });
  const overflow = (): Promise<number> =>
    page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  await say(page, `/say ${answer}`);
  await answered(page);
  expect(await overflow()).toBe(0);
  if (width < 1024) {
    await page.locator('[data-panel-toggle]').click();
    await page.getByRole('dialog').getByLabel('Temperature').first().waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
  }
  if (width < 700) {
    expect(await page.locator('.sidebar').count()).toBe(0);
    await page.getByRole('button', { name: 'Chats' }).click();
    await page.getByRole('dialog').locator('.chat-row').first().waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
  }
  for (const address of ['/#/models', '/#/settings/appearance', '/#/settings/about']) {
    await page.goto(here.server.address + address);
    await page.locator('.view h1').waitFor();
    expect(await overflow()).toBe(0);
  }
});

test('where there is no other model to have, the empty chat stands in the middle and keeps no room for the card', async () => {
  const { page } = await here.open();
  const middle = async (): Promise<number> => {
    const { y = 0, height = 0 } = (await page.locator('.empty__inner').boundingBox()) ?? {};
    return y + height / 2;
  };
  await page.locator('.empty:not([data-card]) .mark').waitFor();
  expect(await middle()).toBeGreaterThan(300);
  const place = await middle();
  // The next time it is known before anything is here, and nothing moves.
  await page.addInitScript(`new MutationObserver(() => {
    window.hadRoom ||= document.querySelector('.empty[data-card]') !== null;
  }).observe(document, { subtree: true, childList: true, attributes: true });`);
  await page.reload();
  await page.locator('.empty[data-ready] .mark').waitFor();
  expect(await page.evaluate('window.hadRoom')).toBe(false);
  expect(await middle()).toBe(place);
});

test('settings of a chat are live, say where they come from, and can be taken back', async () => {
  const { page } = await here.open();
  await say(page, 'with settings');
  await answered(page);
  await page.locator('[data-panel-toggle]').click();
  const field = page.getByRole('spinbutton', { name: 'Temperature' });
  await field.fill('0.2');
  const reset = page.getByRole('button', { name: 'Reset Temperature' });
  await reset.waitFor();
  await expect.poll(() => page.locator('.panel').innerText()).toContain('Set in this chat');
  await page.locator('#composer').fill('again');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  await answered(page);
  await page.locator('.message--answer').last().getByRole('button', { name: 'Receipt' }).click();
  await expect.poll(() => page.locator('.receipt').innerText()).toContain('temperature 0.2');
  await page.keyboard.press('Escape');
  await reset.click();
  await expect.poll(() => field.inputValue()).toBe('0.7');
  await page.getByRole('textbox', { name: 'System prompt' }).fill('Speak like a shepherd.');
  await page.getByRole('textbox', { name: 'System prompt' }).blur();
  await page.getByRole('button', { name: 'Reset System prompt' }).waitFor();
  await page.getByRole('button', { name: 'Presets' }).click();
  await page.getByRole('menuitem', { name: 'Save as preset' }).click();
  await page.getByRole('textbox', { name: 'Name of the preset' }).fill('Shepherd');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.getByRole('button', { name: 'Presets' }).click();
  await page.getByRole('menuitem', { name: 'Shepherd' }).first().click();
  await expect
    .poll(() => page.getByRole('textbox', { name: 'System prompt' }).inputValue())
    .toBe('Speak like a shepherd.');
});

test('the sidebar renames, pins, files, finds, deletes and restores', async () => {
  const { page } = await here.open();
  await say(page, 'a needle in the wool');
  await answered(page);
  const row = page.locator('.chat-row[data-current]');
  const choose = async (name: string): Promise<void> => {
    await row.hover();
    await row.getByRole('button').click();
    await page.getByRole('menuitem', { name, exact: true }).click();
  };
  await choose('Rename');
  await page.getByRole('textbox', { name: 'Title of the chat' }).fill('Needlework');
  await page.keyboard.press('Enter');
  await expect.poll(() => row.innerText()).toContain('Needlework');
  await choose('Pin');
  await page.getByRole('heading', { name: 'Pinned' }).waitFor();
  await page.getByRole('button', { name: 'New folder' }).click();
  await page.getByRole('textbox', { name: 'Name of the folder' }).fill('Crafts');
  await page.keyboard.press('Enter');
  await row.hover();
  await row.getByRole('button').click();
  await page.getByRole('menuitem', { name: 'Move to folder' }).hover();
  await page.getByRole('menuitem', { name: 'Crafts' }).click();
  await page.getByRole('region', { name: 'Crafts' }).getByText('Needlework').waitFor();
  await page.getByRole('searchbox').first().fill('needle');
  await page.locator('.hit mark').first().waitFor();
  await page.locator('.hit', { hasText: 'Needlework' }).first().click();
  await page.getByRole('searchbox').first().fill('');
  await choose('Delete');
  await page.getByText('“Needlework” is in the trash').waitFor();
  await expect.poll(() => page.locator('.chat-row', { hasText: 'Needlework' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Trash' }).click();
  await page
    .locator('.trash-row', { hasText: 'Needlework' })
    .getByRole('button', { name: 'Restore' })
    .click();
  await page.locator('.chat-row', { hasText: 'Needlework' }).waitFor();
  await page.locator('.message--answer').waitFor();
});

test('a tag is given in the menu of a chat, and choosing it leaves only its chats', async () => {
  const { page } = await here.open();
  await say(page, 'about shearing');
  await answered(page);
  const row = page.locator('.chat-row[data-current]');
  const openTags = async (): Promise<void> => {
    await row.hover();
    await row.getByRole('button').click();
    await page.getByRole('menuitem', { name: 'Tags' }).hover();
  };
  await openTags();
  await page.getByRole('menuitem', { name: 'New tag' }).click();
  await page.getByRole('textbox', { name: 'Name of the tag' }).fill('wool');
  await page.keyboard.press('Enter');
  const chip = page.getByRole('button', { name: 'wool, 1 chat' });
  await chip.waitFor();
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await say(page, 'about the weather');
  await answered(page);
  expect(await page.locator('.chat-row').count()).toBeGreaterThan(1);
  await chip.click();
  await expect.poll(() => page.locator('.chat-row').count()).toBe(1);
  await page.locator('.chat-row').getByRole('link').click();
  await openTags();
  await page.getByRole('menuitem', { name: 'wool' }).click();
  await chip.waitFor({ state: 'detached' });
  await expect.poll(() => page.locator('.chat-row').count()).toBeGreaterThan(1);
});

test('what can be pressed lies outside of a cut-out at the side of the screen and of its rounded bottom', async () => {
  const screen = { width: 844, height: 390 };
  const { page, context } = await here.open({ viewport: screen, isMobile: true, hasTouch: true });
  const client = await context.newCDPSession(page);
  const insets = { top: 20, left: 59, right: 59, bottom: 21 };
  await client.send('Emulation.setSafeAreaInsetsOverride', { insets });
  const under = (within: string): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll('${within}')]
      .flatMap((part) => [...part.querySelectorAll('a, button, input, textarea')])
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest('.skip'))
      .map((element) => [element, element.getBoundingClientRect()])
      .filter(([, { left, right, top }]) => left < 59 || right > 844 - 59 || top < 20)
      .map(([element]) => element.outerHTML)`);
  await say(page, 'hello');
  await answered(page);
  expect(await under('.app')).toEqual([]);
  const foot = (await page.locator('.sidebar__foot').boundingBox())!;
  expect(foot.y + foot.height).toBeLessThanOrEqual(screen.height - insets.bottom);
  await page.locator('[data-panel-toggle]').tap();
  const panel = page.getByRole('dialog', { name: 'Settings' });
  await panel.waitFor();
  await expect.poll(() => under('.dialog')).toEqual([]);
});

test('everything is reached by the keyboard, and the list tells how', async () => {
  const { page } = await here.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await page.keyboard.press('Control+/');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('show or hide the settings');
  await page.keyboard.press('Enter');
  await page.locator('.panel').waitFor();
  await page.keyboard.press('Control+Shift+E');
  await expect.poll(() => page.locator('.panel').count()).toBe(0);
  await page.keyboard.press('Control+Shift+S');
  await expect.poll(() => page.locator('.sidebar').count()).toBe(0);
  await page.keyboard.press('Control+Shift+S');
  await page.keyboard.press('Shift+Escape');
  expect(await page.evaluate('document.activeElement.id')).toBe('composer');
  await page.keyboard.type('typed');
  await page.keyboard.press('Enter');
  expect(await answered(page)).toContain('typed');
  await page.keyboard.press('Control+f');
  await page.getByRole('searchbox', { name: 'Find in this chat' }).fill('typed');
  await page.getByText('1 of 2').waitFor();
  await page.keyboard.press('Control+Shift+C');
  await expect.poll(() => page.evaluate('navigator.clipboard.readText()')).toContain('You said "typed"');
  await page.keyboard.press('Control+Shift+L');
  expect(
    await page.evaluate(`document.activeElement === [...document.querySelectorAll('.message')].at(-1)`),
  ).toBe(true);
});

test('two settings answer one message side by side, and one is kept', async () => {
  const { page } = await here.open();
  await page.getByRole('button', { name: 'Side by side' }).click();
  const dialog = page.getByRole('dialog', { name: 'Side by side' });
  await dialog.getByRole('textbox', { name: 'Message to both' }).fill('which of you');
  await dialog.getByRole('button', { name: 'Answer with both' }).click();
  await expect.poll(() => dialog.getByRole('button', { name: 'Keep this one' }).count()).toBe(2);
  expect(await dialog.locator('.prose').allInnerTexts()).toHaveLength(2);
  await dialog.getByRole('button', { name: 'Keep this one' }).first().click();
  await page.locator('.message--answer .branches').waitFor();
  expect(await page.locator('.message--answer .branches').innerText()).toContain('/2');
});
