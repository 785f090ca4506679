import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { servePage } from './open-page.ts';

const here = inBrowser(() => servePage());

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
