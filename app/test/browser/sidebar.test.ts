import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage({ script: { tokensPerSecond: 500 } }));

const dayMs = 24 * 60 * 60 * 1000;
/** Title and age in days, each in the middle of its group whatever the hour is. */
const ages: [title: string, days: number, group: string][] = [
  ['Said yesterday', 1, 'Yesterday'],
  ['Said this week', 4, 'Previous 7 days'],
  ['Said this month', 15, 'Previous 30 days'],
  ['Said long ago', 90, 'Older'],
];

test('chats stand in groups by when something was last said in them, the newest first', async () => {
  const chats = ages.map(([title, days], index) => {
    const updatedAt = Date.now() - days * dayMs;
    const message = { id: `00000000-0000-7000-8000-00000000000${index}`, parentId: null };
    return {
      chat: { title, createdAt: updatedAt, updatedAt },
      messages: [{ ...message, role: 'user', content: title }],
    };
  });
  await here.server.call('POST', '/api/import', { format: 'corral', version: 1, chats });
  const { page } = await here.open();
  await say(page, 'said just now');
  await answered(page);
  const list = page.locator('.sidebar');
  await expect
    .poll(() => list.getByRole('heading').allInnerTexts())
    .toEqual(['Today', ...ages.map(([, , group]) => group)]);
  for (const [title, , group] of ages)
    expect(await list.getByRole('region', { name: group }).innerText()).toContain(title);
});

test('settings of a chat become those of new chats when one says so', async () => {
  const { page } = await here.open();
  await say(page, 'with settings of its own');
  await answered(page);
  await page.locator('[data-panel-toggle]').click();
  const field = page.getByRole('spinbutton', { name: 'Temperature' });
  await field.fill('0.45');
  await page.getByRole('button', { name: 'Reset Temperature' }).waitFor();
  await page.getByRole('button', { name: 'Use for new chats' }).click();
  await page.getByText('New chats start with these settings').waitFor();
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await expect.poll(() => field.inputValue()).toBe('0.45');
  await expect.poll(() => page.locator('.panel').innerText()).toContain('from your settings: 0.45');
});
