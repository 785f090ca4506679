import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../program.ts';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() =>
  servePage({
    script: { tokensPerSecond: 500 },
    environment: {
      CORRAL_TITLE: 'The high plain',
      CORRAL_DESCRIPTION: 'Ask the herd.',
      CORRAL_FEEDBACK: 'true',
    },
  }),
);

const hasFocus = (field: Locator): Promise<boolean> =>
  field.evaluate((element) => element === element.ownerDocument.activeElement);

test('the first page shows the operator’s title and words, and answers', async () => {
  const { page } = await here.open();
  await expect.poll(() => page.title()).toBe('The high plain');
  expect(await page.getByRole('heading', { name: 'The high plain' }).isVisible()).toBe(true);
  expect(await page.getByText('Ask the herd.').isVisible()).toBe(true);
  await say(page, 'Hello, herd');
  expect(await answered(page)).toContain('You said "Hello, herd"');
  expect(await page.locator('.message--person').innerText()).toContain('Hello, herd');
  await expect
    .poll(() => page.locator('.message--answer .message__figures').innerText())
    .toMatch(/\d+ tokens/);
  expect(await page.locator('.chat-row').count()).toBe(1);
});

test('an answer that is over before the page hears that it began has its figures and leaves no mark', async () => {
  const { page } = await here.open();
  await page.route('**/runs', async (route) => {
    const response = await route.fetch();
    await page.waitForTimeout(1_500);
    await route.fulfill({ response });
  });
  const begun = page.waitForResponse('**/runs');
  await say(page, '/say quick');
  expect(await answered(page)).toBe('quick');
  await begun;
  await expect
    .poll(() => page.locator('.message--answer .message__figures').innerText())
    .toMatch(/\d+ tokens/);
  expect(await page.locator('.dot--running').count()).toBe(0);
});

test('markdown becomes elements, code is coloured, pictures from elsewhere stay away', async () => {
  const { page } = await here.open();
  const text = [
    '# Title',
    '| a | b |\n|---|---|\n| 1 | 2 |',
    '```js\nconst a = "x";\n```',
    '<script>alert(1)</script> <img src=x onerror=alert(1)> H<sub>2</sub>O',
    '![far](https://example.com/a.png) [bad](javascript:alert(1)) [good](https://example.org/)',
    '$$a^2 + b^2$$',
  ].join('\n\n');
  await say(page, `/say ${text}`);
  await answered(page);
  const answer = page.locator('.message--answer');
  expect(await answer.getByRole('heading', { name: 'Title' }).count()).toBe(1);
  expect(await answer.getByRole('cell', { name: '1' }).count()).toBe(1);
  await answer.locator('.hljs-keyword').first().waitFor();
  await answer.locator('.katex').first().waitFor();
  expect(await answer.locator('script, img').count()).toBe(0);
  expect(await answer.locator('sub').innerText()).toBe('2');
  expect(await answer.getByText('<script>alert(1)</script>').count()).toBe(1);
  expect(await answer.locator('a[href^="javascript"]').count()).toBe(0);
  expect(await answer.locator('a[href="https://example.org/"]').count()).toBe(1);
  expect(await answer.getByText('not loaded, open at example.com').count()).toBe(1);
});

test('Stop keeps what was written, and Continue goes on', async () => {
  const { page } = await here.open();
  await say(page, '/long 4000');
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  await page.locator('.message--answer .prose p').first().waitFor();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText('Stopped', { exact: true }).first().waitFor();
  const before = await page.locator('.message--answer .prose').innerText();
  expect(before.length).toBeGreaterThan(10);
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect
    .poll(async () => (await page.locator('.message--answer .prose').innerText()).length)
    .toBeGreaterThan(before.length);
  expect((await page.locator('.message--answer .prose').innerText()).startsWith(before.trimEnd())).toBe(true);
});

test('Continue on an answer further up leaves what stands below it in view', async () => {
  const { page } = await here.open();
  await say(page, '/long 4000');
  await page.locator('.message--answer .prose p').first().waitFor();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText('Stopped', { exact: true }).first().waitFor();
  const texts = page.locator('.message--answer .prose');
  await say(page, '/say the end of it');
  await expect.poll(() => texts.last().innerText()).toBe('the end of it');
  await answered(page);
  const above = texts.first();
  const before = (await above.innerText()).length;
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect.poll(async () => (await above.innerText()).length).toBeGreaterThan(before);
  expect(await page.locator('.message').count()).toBe(4);
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor({ state: 'detached' });
  await page.reload();
  await expect.poll(() => texts.last().innerText()).toBe('the end of it');
  expect(await page.locator('.message').count()).toBe(4);
});

test('a complete answer is gone on with from its menu, as long as nobody has answered it', async () => {
  const { body: chat } = await here.server.call('POST', '/api/chats', {
    settings: { sampling: { stop: ['|'] } },
  });
  const { page } = await here.open({ path: `/#/c/${String(chat['id'])}` });
  await say(page, '/say one | two');
  expect(await answered(page)).toBe('one');
  await here.server.call('PATCH', `/api/chats/${String(chat['id'])}`, { settings: {} });
  const more = page.locator('.message--answer').first().getByRole('button', { name: 'More' });
  await more.click();
  await page.getByRole('menuitem', { name: 'Continue' }).click();
  await expect.poll(() => page.locator('.message--answer .prose').innerText()).toBe('one | two');
  expect(await page.locator('.message').count()).toBe(2);
  await say(page, 'and then');
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  await answered(page);
  await more.click();
  await page.getByRole('menuitem', { name: 'Save as Markdown' }).waitFor();
  expect(await page.getByRole('menuitem', { name: 'Continue' }).count()).toBe(0);
});

test('edit and answer again make versions that can be gone through', async () => {
  const { page } = await here.open();
  await say(page, 'first wording');
  await answered(page);
  await page.locator('#composer').press('ArrowUp');
  const editor = page.getByRole('textbox', { name: 'Edit' });
  await editor.fill('second wording');
  await editor.press('Control+Enter');
  await expect.poll(() => page.locator('.message--answer').last().innerText()).toContain('second wording');
  await answered(page);
  const person = page.locator('.message--person');
  expect(await person.locator('.branches').innerText()).toContain('2/2');
  await person.getByRole('button', { name: 'Earlier version' }).click();
  await expect.poll(() => person.innerText()).toContain('first wording');
  expect(await page.locator('.message--answer').innerText()).toContain('first wording');
  await page.getByRole('button', { name: 'Answer again' }).click();
  await expect.poll(() => page.locator('.message--answer .branches').innerText()).toContain('2/2');
  await answered(page);
  await page.reload();
  await page.locator('.message--answer .branches').waitFor();
  expect(await person.innerText()).toContain('first wording');
});

test('delete and Clear are taken back by Undo', async () => {
  const { page } = await here.open();
  await say(page, 'to be kept');
  await answered(page);
  await page.locator('.message--answer').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect.poll(() => page.locator('.message--answer').count()).toBe(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('.message--answer').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await expect.poll(() => page.locator('.message').count()).toBe(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => page.locator('.message').count()).toBe(2);
});

test('feedback, pin and receipt with replay', async () => {
  const { page } = await here.open();
  await say(page, 'judge me');
  await answered(page);
  const answer = page.locator('.message--answer');
  await answer.getByRole('button', { name: 'Good answer' }).click();
  await expect
    .poll(() => answer.getByRole('button', { name: 'Good answer' }).getAttribute('aria-pressed'))
    .toBe('true');
  await answer.getByRole('button', { name: 'Bad answer' }).click();
  await page.keyboard.type('it missed the point');
  await page.keyboard.press('Enter');
  await expect
    .poll(async () => {
      const { body } = await here.server.call('GET', `/api/chats/${page.url().split('/').at(-1)}`);
      return (body['messages'] as { feedback: object | null }[])[1]?.feedback;
    })
    .toEqual({ rating: 'down', reason: 'it missed the point' });
  expect(await answer.getByRole('button', { name: 'Good answer' }).getAttribute('aria-pressed')).toBe(
    'false',
  );
  expect(await page.getByRole('textbox', { name: 'What was wrong with it?' }).count()).toBe(0);
  await page.locator('.message--person').hover();
  await page.locator('.message--person').getByRole('button', { name: 'Keep in view of the model' }).click();
  await page.getByText('Kept in view of the model').first().waitFor();
  await answer.getByRole('button', { name: 'Receipt' }).click();
  const sheet = page.getByRole('dialog', { name: 'Receipt' });
  await sheet.getByText('Ended because').waitFor();
  await sheet.getByRole('button', { name: 'Prompt as the model read it' }).click();
  await expect.poll(() => sheet.locator('.source').innerText()).toContain('judge me');
  await sheet.getByRole('button', { name: 'Replay' }).click();
  await sheet.getByText('The replay gave the same text.').waitFor();
  await page.keyboard.press('Escape');
});

test('a field that opened with the focus does not take it back from where one writes next', async () => {
  const { page } = await here.open();
  await say(page, 'judge me');
  await answered(page);
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  await page.route('**/messages/*', async (route) => {
    await held;
    await route.continue();
  });
  await page.locator('.message--answer').getByRole('button', { name: 'Bad answer' }).click();
  const reason = page.getByRole('textbox', { name: 'What was wrong with it?' });
  await expect.poll(() => hasFocus(reason)).toBe(true);
  await page.locator('#composer').focus();
  // The answer is drawn again when the judgement is kept.
  const kept = page.waitForResponse('**/messages/*');
  release();
  await kept;
  await page.waitForTimeout(200);
  await page.keyboard.type('and another thing');
  expect(await page.locator('#composer').inputValue()).toBe('and another thing');

  await page.locator('[data-panel-toggle]').click();
  await page.getByRole('button', { name: 'Presets' }).click();
  await page.getByRole('menuitem', { name: 'Save as preset' }).click();
  await expect.poll(() => hasFocus(page.getByRole('textbox', { name: 'Name of the preset' }))).toBe(true);
  const system = page.getByRole('textbox', { name: 'System prompt' });
  await system.focus();
  // Each letter draws the field of the name again.
  await page.keyboard.type('Speak like a shepherd.');
  expect(await system.inputValue()).toBe('Speak like a shepherd.');
});

test('the receipt of a longer answer draws its speed over time, a short one has none', async () => {
  const { page } = await here.open();
  const chart = page.getByRole('dialog', { name: 'Receipt' }).getByRole('img');
  for (const words of [3, 900]) {
    await say(page, `/say ${'wool '.repeat(words)}`);
    // Until the new one is there, the last answer is the one before it.
    await expect
      .poll(async () => (await answered(page)).split('wool').length - 1)
      .toBeGreaterThanOrEqual(Math.min(words, 100));
    await page.locator('.message--answer').last().getByRole('button', { name: 'Receipt' }).click();
    await page.getByText('Ended because').waitFor();
    if (words === 3) expect(await chart.count()).toBe(0);
    else
      expect(await chart.getAttribute('aria-label')).toMatch(/^Over the answer: [\d.,]+ to [\d.,]+ tok\/s$/u);
    await page.keyboard.press('Escape');
  }
});

test('drafts outlive the tab, a text file is attached, others are refused', async ({ onTestFinished }) => {
  const folder = temporaryFolder(onTestFinished);
  writeFileSync(join(folder, 'notes.md'), 'wool and weather');
  writeFileSync(join(folder, 'wool.bin'), Buffer.from([0, 159, 146, 150]));
  const { page } = await here.open();
  await page.locator('#composer').fill('half a thought');
  await page.waitForTimeout(400);
  await page.reload();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('half a thought');
  await page.locator('input[type=file]').setInputFiles([join(folder, 'notes.md'), join(folder, 'wool.bin')]);
  await page.getByText('“wool.bin” is not a text file').waitFor();
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await answered(page);
  const sent = await page.locator('.message--person').innerText();
  expect(sent).toContain('notes.md');
  expect(sent).toContain('wool and weather');
  expect(sent).toContain('half a thought');
});

test('a failed answer says why, and nothing typed is lost when the server is away', async () => {
  const { page, context } = await here.open();
  await say(page, '/fail 3 engine-hung');
  await page.locator('.end-note').getByText('The script says that this answer fails.').waitFor();
  await context.setOffline(true);
  await say(page, 'do not lose this');
  await page.getByText('Not sent. The server does not answer.').waitFor();
  expect(await page.locator('.outgoing').innerText()).toContain('do not lose this');
  await context.setOffline(false);
  await page.getByRole('button', { name: 'Send again' }).click();
  await expect
    .poll(() => page.locator('.message--answer').last().innerText(), { timeout: 15_000 })
    .toContain('do not lose this');
});

test('far too much pasted text becomes an attachment, is refused by its size, and the page stays usable', async () => {
  const { page } = await here.open();
  await page.evaluate(`(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', 'word '.repeat(800_001));
    const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
    document.querySelector('#composer').dispatchEvent(paste);
  })()`);
  await page.locator('.composer__files').getByText('Pasted text').waitFor();
  await page.getByText('The message is longer than the server takes (4,000,000 characters).').waitFor();
  expect(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(true);
  await page.getByRole('button', { name: 'Delete Pasted text' }).click();
  await say(page, 'still here');
  expect(await answered(page)).toContain('still here');
});
