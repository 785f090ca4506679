import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say } from './open-page.ts';
import { startCria } from './start-cria.ts';

const here = inBrowser(() => startCria(), { timeoutMs: 120_000 });

/** Label in the panel, what is typed, and how the receipt shows it. */
const parameters: [label: string, typed: string, inReceipt: string | RegExp][] = [
  ['Temperature', '0.55', 'temperature 0.55'],
  ['Top-k', '7', 'topK 7'],
  ['Top-p', '0.6', 'topP 0.6'],
  ['Min-p', '0.2', 'minP 0.2'],
  ['Repetition penalty', '1.3', 'repetitionPenalty 1.3'],
  ['Typical-p', '0.9', 'typicalP 0.9'],
  ['XTC probability', '0.5', 'xtcProbability 0.5'],
  ['XTC threshold', '0.2', 'xtcThreshold 0.2'],
  ['Dynamic temperature', '0.3', 'dynamicTemperatureRange 0.3'],
  ['Dynamic temperature exponent', '2', 'dynamicTemperatureExponent 2'],
  ['Mirostat', '2', 'mirostat 2'],
  ['Mirostat goal', '4.5', 'mirostatTau 4.5'],
  ['Mirostat speed', '0.2', 'mirostatEta 0.2'],
  ['DRY strength', '0.8', 'dryMultiplier 0.8'],
  ['DRY base', '2', 'dryBase 2'],
  ['DRY allowed length', '3', 'dryAllowedLength 3'],
  ['DRY window', '500', 'dryWindow 500'],
  ['DRY breakers', 'zebra\\n', 'dryBreakers ["zebra\\n"]'],
  ['Max new tokens', '12', 'maxNewTokens 12'],
  ['Seed', '11', 'seed 11,'],
  ['Stop strings', 'zebra\\nstripe', 'stop ["zebra\\nstripe"]'],
  ['Stop token ids', '5, 6', 'stopTokenIds [5,6]'],
  ['Remembered exchanges', '1', /at most 1 past exchange, 2 messages left out/],
  ['Context', '256', /Context\s+256 tokens/],
];

async function sayMore(page: Page, text: string): Promise<Locator> {
  const answers = page.locator('.message--answer');
  const before = await answers.count();
  await say(page, text);
  await expect.poll(() => answers.count()).toBe(before + 1);
  await answered(page);
  return answers.last();
}

async function receiptOf(page: Page, answer: Locator): Promise<string> {
  await answer.getByRole('button', { name: 'Receipt' }).click();
  const sheet = page.locator('.receipt');
  await sheet.getByText('Ended because').waitFor();
  const text = await sheet.innerText();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  return text;
}

test('each setting of the panel is used by the next message, and goes back to its default', async () => {
  const { page } = await here.open();
  await sayMore(page, 'Hello');
  await sayMore(page, 'Who are you?');
  await page.locator('[data-panel-toggle]').click();
  const panel = page.locator('.panel');
  // Not the slider of the same name.
  const field = (label: string): Locator =>
    panel.locator('input[type=number], textarea').and(panel.getByLabel(label, { exact: true }));
  const reset = (label: string): Locator =>
    panel.getByRole('button', { name: `Reset ${label}`, exact: true });
  const defaults = new Map<string, string>();
  await field('Context').waitFor();
  await panel.getByRole('button', { name: 'More settings' }).click();
  for (const [label, typed] of parameters) {
    defaults.set(label, await field(label).inputValue());
    await field(label).fill(typed);
    await field(label).blur();
    await reset(label).waitFor();
    const described = await field(label).getAttribute('aria-describedby');
    const why = await page.locator(`[id="${described}"]`).innerText();
    expect(why, label).toMatch(/^[^]{20,} Set in this chat; the default is .+\.$/);
  }
  await panel.getByLabel('Prompt format').selectOption('llama-2');
  await reset('Prompt format').waitFor();
  const changed = await receiptOf(page, await sayMore(page, 'What do you eat?'));
  for (const [label, , inReceipt] of parameters)
    if (typeof inReceipt === 'string') expect(changed, label).toContain(inReceipt);
    else expect(changed, label).toMatch(inReceipt);
  expect(changed).toContain('llama-2 (chosen)');
  expect(Number(/New tokens\s+(\d+)/.exec(changed)?.[1])).toBeLessThanOrEqual(12);

  for (const label of [...parameters.map(([name]) => name), 'Prompt format']) {
    await reset(label).click();
    await reset(label).waitFor({ state: 'detached' });
  }
  for (const [label, before] of defaults) expect(await field(label).inputValue(), label).toBe(before);
  const unchanged = await receiptOf(page, await sayMore(page, 'And when it rains?'));
  for (const [label, , inReceipt] of parameters)
    if (typeof inReceipt === 'string') expect(unchanged, label).not.toContain(inReceipt);
    else expect(unchanged, label).not.toMatch(inReceipt);
  expect(unchanged).toContain(`topK ${defaults.get('Top-k')}`);
});

interface Tokenized {
  id: number;
}

test('the receipt says whether a stop string or a stop token ended the answer; what is no id is refused', async () => {
  const { page } = await here.open();
  await page.locator('[data-panel-toggle]').click();
  const panel = page.locator('.panel');
  const set = async (label: string, typed: string): Promise<void> => {
    const field = panel.locator('input[type=number], textarea').and(panel.getByLabel(label, { exact: true }));
    await field.fill(typed);
    await field.blur();
  };
  const reset = (label: string): Locator =>
    panel.getByRole('button', { name: `Reset ${label}`, exact: true });
  await set('Temperature', '0');
  await reset('Temperature').waitFor();
  await set('Stop strings', 'e');
  await reset('Stop strings').waitFor();
  const cut = await sayMore(page, 'Hello, who are you?');
  expect(await cut.locator('.prose').textContent()).not.toContain('e');
  expect(await receiptOf(page, cut)).toMatch(/a stop string came\s+e\n/);

  await reset('Stop strings').click();
  await reset('Stop strings').waitFor({ state: 'detached' });
  const whole = await sayMore(page, 'Where do llamas live?');
  const inputs = await whole.locator('.prose').innerText();
  const response = await fetch(`${here.server.address}/tokenize`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs }),
  });
  const tokens = (await response.json()) as Tokenized[];
  await set('Stop token ids', 'one, two');
  await panel.getByText('Token ids are whole numbers from 0 on.').waitFor();
  await set('Stop token ids', String(tokens[4]?.id));
  await reset('Stop token ids').waitFor();
  await whole.getByRole('button', { name: 'Answer again' }).click();
  await expect.poll(() => whole.locator('.branches').innerText()).toContain('2/2');
  await answered(page);
  expect((await whole.locator('.prose').innerText()).length).toBeLessThan(inputs.length);
  expect(await receiptOf(page, whole)).toMatch(/Ended because\s+a stop token came\n/);
});
