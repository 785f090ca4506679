import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage({ script: { tokensPerSecond: 60 } }));

const looks = (page: Page): Promise<unknown> => page.evaluate('({ ...document.documentElement.dataset })');

/** Whether anything in the page moves by itself or on hovering. */
const moves = (page: Page): Promise<boolean> =>
  page.evaluate(`[...document.querySelectorAll('*')].some((element) => {
    const { animationName, animationDuration, transitionDuration } = getComputedStyle(element);
    const isLong = (text) => text.split(', ').some((one) => parseFloat(one) > 0.01);
    return (animationName !== 'none' && isLong(animationDuration)) || isLong(transitionDuration);
  })`);

test('theme, size and motion are chosen, hold after a reload and in other tabs', async () => {
  const { page, context } = await here.open({
    path: '/#/settings/appearance',
    colorScheme: 'light',
  });
  expect(await looks(page)).toMatchObject({ theme: 'light', text: 'normal', motion: 'auto' });
  const other = await context.newPage();
  await other.goto(`${here.server.address}/#/settings/appearance`);
  await other.getByRole('radio', { name: 'Dark' }).waitFor();
  await page.getByRole('radio', { name: 'Dark' }).check();
  await page.getByRole('radio', { name: 'Large' }).check();
  expect(await moves(page)).toBe(true);
  await page.getByRole('radio', { name: 'None' }).check();
  const chosen = { theme: 'dark', text: 'large', motion: 'none' };
  expect(await looks(page)).toMatchObject(chosen);
  await expect.poll(() => looks(other)).toMatchObject(chosen);
  await page.reload();
  await page.getByRole('radio', { name: 'Dark' }).waitFor();
  expect(await looks(page)).toMatchObject(chosen);
  expect(await moves(page)).toBe(false);
});

test('who asks the system for less motion gets none', async () => {
  const { page } = await here.open({ reducedMotion: 'reduce' });
  expect(await moves(page)).toBe(false);
});

test('shortcuts are listed and can be switched off; About names the versions', async () => {
  const { page } = await here.open({
    path: '/#/settings/shortcuts',
  });
  const section = page.locator('.settings__body');
  await section.getByText('Search and commands').waitFor();
  const palette = page.getByRole('dialog', { name: 'Commands' });
  await page.keyboard.press('Control+k');
  await palette.waitFor();
  await page.keyboard.press('Escape');
  await section.getByRole('checkbox', { name: 'Keyboard shortcuts' }).uncheck();
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Control+.');
  expect(await palette.count()).toBe(0);
  await section.getByRole('checkbox', { name: 'Keyboard shortcuts' }).check();
  await page.keyboard.press('Control+k');
  await palette.waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'About' }).click();
  await section.getByText('Corral 0.0.0-test').waitFor();
  expect(await section.innerText()).toContain(process.versions.node);
  expect(await section.innerText()).toContain(here.server.config.home);
});

/** The colour of one spot as it is drawn, which computed styles do not tell in high contrast. */
async function colourOf(of: Locator, fromLeft = 4): Promise<string> {
  const { x = 0, y = 0, height = 0 } = (await of.boundingBox()) ?? {};
  const clip = { x: Math.round(x + fromLeft), y: Math.round(y + height / 2), width: 1, height: 1 };
  return (await of.page().screenshot({ clip })).toString('base64');
}

async function coloursDiffer(one: Locator, other: Locator): Promise<void> {
  expect(await colourOf(one), String(one)).not.toBe(await colourOf(other));
}

test('in high contrast one sees what is on, chosen, current or new', async () => {
  const { page } = await here.open({ forcedColors: 'active', reducedMotion: 'reduce' });
  await say(page, 'the first');
  await answered(page);
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await say(page, '/long 200');
  const rows = page.locator('.chat-row');
  const running = page.getByRole('img', { name: 'Answering' });
  await running.waitFor();
  await coloursDiffer(rows.first(), rows.last());
  await coloursDiffer(running, rows.first());
  await page.getByRole('link', { name: 'Settings' }).click();
  const links = page.locator('.sidebar__foot').getByRole('link');
  await coloursDiffer(links.first(), links.last());
  await coloursDiffer(
    page.locator('.choice__option:has(:checked)').first(),
    page.locator('.choice__option').last(),
  );
  await coloursDiffer(running, rows.first());
  const ready = page.getByRole('img', { name: 'New answer' });
  await ready.waitFor();
  await coloursDiffer(ready, rows.first());
  await page.getByRole('link', { name: 'Shortcuts' }).click();
  const box = page.getByRole('checkbox', { name: 'Keyboard shortcuts' });
  // Where the knob is when it is off, and beside the switch.
  const [on, around] = [await colourOf(box, 10), await colourOf(box, -4)];
  expect(on).not.toBe(around);
  await page.keyboard.press('Control+k');
  await page.getByRole('option').nth(1).waitFor();
  await coloursDiffer(
    page.getByRole('option', { selected: true }),
    page.getByRole('option', { selected: false }).first(),
  );
  await page.keyboard.press('Escape');
  await box.uncheck();
  expect([on, around]).not.toContain(await colourOf(box, 10));
  await rows.first().getByRole('button').click();
  await page.keyboard.press('ArrowDown');
  const entry = page.getByRole('menuitem');
  await coloursDiffer(
    entry.and(page.locator('[data-highlighted]')),
    entry.and(page.locator(':not([data-highlighted])')).last(),
  );
});
