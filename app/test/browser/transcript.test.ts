import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inBrowser } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const endless = 60_000;
const controls = 'before \u0000\u0007\u001b[31m\u0085 \u202Eturned\u0000\n\n\u2028after\uFEFF\u0000 the end';
const here = inBrowser(() =>
  servePage({
    environment: { CORRAL_CONTEXT: '200000' },
    script: {
      contextTokens: 200_000,
      answer: (question) => {
        if (question === 'controls') return controls;
        if (question === 'silence') return '';
        if (question === 'endless') return 'x'.repeat(endless);
        return /\/say ([^]+)/.exec(question)?.[1] ?? `You said "${question}".`;
      },
    },
  }),
);

const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** Runs in the page, of whose types this folder knows nothing. */
function directionOf(element: unknown): string {
  const page = globalThis as unknown as { getComputedStyle(of: unknown): { direction: string } };
  return page.getComputedStyle(element).direction;
}

function isWiderThanItsPlace(element: unknown): boolean {
  const { scrollWidth, clientWidth } = element as { scrollWidth: number; clientWidth: number };
  return scrollWidth > clientWidth;
}

/** Sends another message and waits for the answer to it. */
async function sayMore(page: Page, text: string): Promise<string> {
  const before = await page.locator('.message--answer').count();
  await say(page, text);
  await expect.poll(() => page.locator('.message--answer').count()).toBe(before + 1);
  return answered(page);
}

test('each block has the direction of its own words, in questions and answers', async () => {
  const { page } = await here.open();
  const blocks = [
    'مرحبا بالعالم',
    'plain words',
    '- שלום',
    '> اقتباس',
    '| مفتاح | key |\n|---|---|\n| قيمة | value |',
  ];
  await say(page, `/say ${blocks.join('\n\n')}`);
  await answered(page);
  const of = (text: string): Promise<string> =>
    page.locator('.message').getByText(text, { exact: true }).last().evaluate(directionOf);
  for (const text of ['مرحبا بالعالم', 'שלום', 'اقتباس', 'قيمة']) expect(await of(text)).toBe('rtl');
  for (const text of ['plain words', 'value']) expect(await of(text)).toBe('ltr');
  await page.locator('#composer').fill('كيف حالك');
  expect(await page.locator('#composer').evaluate(directionOf)).toBe('rtl');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(() => page.locator('.message--person').count()).toBe(2);
  expect(await of('كيف حالك')).toBe('rtl');
});

test('items and quotations take direction and indent from the words in them, paragraphs or not', async () => {
  const { page } = await here.open();
  const blocks = [
    '- خروف\n  - جمل\n  - nested\n- sheep',
    '1. أول\n\n   المزيد\n\n2. second',
    '- [x] منجز\n\n- [ ] later',
    '> ### عنوان\n>\n> اقتباس\n>\n> in between',
  ];
  await say(page, `/say ${blocks.join('\n\nthen\n\n')}`);
  await answered(page);
  const prose = page.locator('.message--answer .prose');
  const around = (text: string, container: string): Locator =>
    prose.getByText(text).locator(`xpath=ancestor-or-self::${container}[1]`);
  const insets = async (of: Locator): Promise<{ left: number; right: number }> => {
    const [outer, inner] = [(await prose.boundingBox())!, (await of.boundingBox())!];
    return { left: inner.x - outer.x, right: outer.x + outer.width - inner.x - inner.width };
  };
  for (const text of ['خروف', 'جمل', 'أول', 'منجز']) {
    const item = around(text, 'li');
    expect(await item.evaluate(directionOf), text).toBe('rtl');
    const { left, right } = await insets(item);
    expect(right, text).toBeGreaterThan(0);
    expect(left, text).toBe(0);
  }
  for (const text of ['sheep', 'second', 'later']) {
    const item = around(text, 'li');
    expect(await item.evaluate(directionOf), text).toBe('ltr');
    const { left, right } = await insets(item);
    expect(left, text).toBeGreaterThan(0);
    expect(right, text).toBe(0);
  }
  // One step for its own side, behind one for the item that it is in.
  const nested = await insets(around('nested', 'li'));
  expect(nested.left).toBe(nested.right);
  expect(await around('اقتباس', 'blockquote').evaluate(directionOf)).toBe('rtl');
  // A paragraph there still runs as its own words do.
  const ofText = await page.evaluate(`(() => {
    const paragraph = [...document.querySelectorAll('blockquote p')].at(-1);
    const text = document.createRange();
    text.selectNodeContents(paragraph);
    return text.getBoundingClientRect().left - paragraph.getBoundingClientRect().left;
  })()`);
  expect(ofText).toBe(0);
  expect(await prose.getByRole('checkbox').count()).toBe(2);
  expect(await prose.innerText()).not.toContain('[');
});

test('an answer without a word says so, and one with words shows its source', async () => {
  const { page } = await here.open();
  await say(page, 'silence');
  await page.locator('.end-note').getByText('The model ended its turn without a word.').waitFor();
  await sayMore(page, '/say **bold** words');
  const answer = page.locator('.message--answer').last();
  const choose = async (name: string): Promise<void> => {
    await answer.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name }).click();
  };
  await answer.locator('strong').waitFor();
  await choose('Show the source');
  await expect.poll(() => answer.locator('pre').innerText()).toBe('**bold** words');
  await choose('Show it formatted');
  await answer.locator('strong').waitFor();
});

test('control characters in an answer change nothing but themselves', async () => {
  const { page } = await here.open();
  await say(page, 'controls');
  await answered(page);
  const paragraphs = page.locator('.message--answer .prose p');
  await expect.poll(() => paragraphs.count()).toBe(2);
  // Those that are shown at all have a picture; none that turns text around is left.
  expect(await paragraphs.first().textContent()).toMatch(/^before \u2400\u2407\u241b\[31m[^]* turned\u2400$/);
  expect(await paragraphs.last().textContent()).toContain('the end');
  expect(await overflow(page)).toBe(0);
  await page.reload();
  await page.locator('.message--answer').waitFor();
  expect(await paragraphs.last().textContent()).toContain('the end');
  // What is kept is what the model said, unit for unit.
  const { body } = await here.server.call(
    'GET',
    `/api/chats/${String(await page.evaluate('location.hash')).slice(4)}`,
  );
  expect((body['messages'] as { content: string }[])[1]?.content).toBe(controls);
  expect(await sayMore(page, 'still here')).toContain('still here');
});

test('an endless line stays inside its column, and the page stays usable meanwhile and afterwards', async () => {
  const { page } = await here.open();
  await page.locator('[data-panel-toggle]').click();
  const limit = page.getByRole('spinbutton', { name: 'Max new tokens' });
  await limit.fill(String(endless));
  await page.getByRole('button', { name: 'Reset Max new tokens' }).waitFor();
  await say(page, 'endless');
  await page.locator('.message--answer .prose').waitFor();
  await page.locator('#composer').fill('typed meanwhile');
  await answered(page, 60_000);
  expect((await page.locator('.message--answer .prose').textContent())?.length).toBe(endless);
  expect(await overflow(page)).toBe(0);
  expect(await page.locator('.message--answer .prose').evaluate(isWiderThanItsPlace)).toBe(false);
  expect(await page.locator('#composer').inputValue()).toBe('typed meanwhile');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(() => page.locator('.message--answer').count()).toBe(2);
  expect(await answered(page)).toContain('typed meanwhile');
});

/** Half of it is typed, the other half nested as no reader would. */
const broken = [
  '**bold without an end, [a link](https://example.org/ without one, `code',
  '| a | b |\n|---|\n| 1 | 2 | 3 |',
  `${'> '.repeat(60)}deep`,
  Array.from({ length: 20 }, (_, depth) => `${'  '.repeat(depth)}- item`).join('\n'),
  '<details><summary>never closed',
  '$$ x^2',
  '```js\nconst open = true;',
].join('\n\n');

test('broken markdown is shown as what it is, and a very long message is folded', async () => {
  const { page } = await here.open();
  await say(page, `/say ${broken}`);
  await answered(page);
  const text = await page.locator('.message--answer').last().textContent();
  for (const word of ['bold without an end', 'deep', 'never closed', 'x^2', 'const open = true;'])
    expect(text).toContain(word);
  expect(await overflow(page)).toBe(0);
  await sayMore(page, `/say ok ${'wool '.repeat(5_000)}`);
  const bubble = page.locator('.message--person').last();
  expect((await bubble.locator('.written').textContent())?.length).toBe(20_000);
  await bubble.getByRole('button', { name: /^Show [\d,]+ more characters$/ }).click();
  await expect
    .poll(async () => (await bubble.locator('.written').textContent())?.length)
    .toBeGreaterThan(25_000);
});

test('an answer of nothing but markers is shown, and its chat and the others stay usable', async () => {
  const markers = ['>', '- ', '>- ', '1. ', '<b>'].map((marker) => `${marker.repeat(5_000)}end`);
  const talk = markers.flatMap((content) => [
    { role: 'user', content: 'go on' },
    { role: 'assistant', content },
  ]);
  await here.server.call('POST', '/api/import', { 'the markers': talk });
  await here.server.call('POST', '/api/chats', { title: 'another chat' });
  const { page } = await here.open();
  await page.locator('.chat-row', { hasText: 'the markers' }).click();
  await expect.poll(() => page.locator('.message--answer').last().innerText()).toContain('end');
  expect(await page.locator('#composer').isVisible()).toBe(true);
  await page.locator('.chat-row', { hasText: 'another chat' }).click();
  await page.locator('.empty').waitFor();
});

test('a chat that cannot be drawn keeps no other from being shown', async () => {
  const { body } = await here.server.call('POST', '/api/import', {
    'a broken chat': [{ role: 'user', content: 'words that get lost' }],
  });
  await here.server.call('POST', '/api/chats', { title: 'a sound chat' });
  const { page } = await here.open({ expected: /^(?:error|console):/ });
  await page.route(`**/api/chats/${(body['chatIds'] as string[])[0]}?*`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('"words that get lost"', 'null') });
  });
  await page.locator('.chat-row', { hasText: 'a broken chat' }).click();
  await page.getByText('This part of the page stopped working').waitFor();
  await page.locator('.chat-row', { hasText: 'a sound chat' }).click();
  await page.locator('#composer').waitFor();
});

test('formulas whose code could not be fetched are shown as their source, and drawn once it can be', async () => {
  const { page } = await here.open();
  let isAway = true;
  await page.route(/\/assets\/katex-render-[^/]+\.js$/, (route) =>
    isAway ? route.abort() : route.continue(),
  );
  await say(page, '/say $$a^2$$');
  await answered(page);
  await page.locator('.math code').getByText('a^2').waitFor();
  isAway = false;
  await sayMore(page, '/say $$b^2$$');
  await page.locator('.katex').waitFor();
});

test('find marks words behind letters that are longer when they are small', async () => {
  const { page } = await here.open();
  await say(page, '/say İİİ and the wool');
  await answered(page);
  await page.keyboard.press('Control+f');
  await page.getByRole('searchbox', { name: 'Find in this chat' }).fill('WOOL');
  const marked = (): Promise<string[]> =>
    page.evaluate(`[...(CSS.highlights.get('corral-find') ?? [])].map(String)`);
  await expect.poll(marked).toEqual(['wool', 'wool']);
});

test('the last code block is copied as a whole: folded, out of view, or drawn as a diagram', async () => {
  const { page } = await here.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  const code = Array.from({ length: 500 }, (_, line) => `const line${line} = ${line};`).join('\n');
  const diagram = 'flowchart LR\n  fold --> hill';
  const block = `\`\`\`ts\nlet first;\n\`\`\`\n\n1. so:\n\n   \`\`\`ts\n   ${code.replaceAll('\n', '\n   ')}\n   \`\`\`\n\nafter`;
  const chats = {
    folded: [block],
    'out of view': [block, ...Array.from({ length: 60 }, (_, index) => `no code in answer ${index}`)],
    diagram: [block, `\`\`\`mermaid\n${diagram}\n\`\`\``],
  };
  const { body } = await here.server.call(
    'POST',
    '/api/import',
    Object.fromEntries(
      Object.entries(chats).map(([title, answers]) => [
        title,
        answers.flatMap((content) => [
          { role: 'user', content: 'go on' },
          { role: 'assistant', content },
        ]),
      ]),
    ),
  );
  const copied = async (index: number, drawn: string): Promise<string> => {
    await page.goto(`${here.server.address}/#/c/${(body['chatIds'] as string[])[index]}`);
    await page.locator(`.message--answer ${drawn}`).last().waitFor();
    await page.keyboard.press('Control+Shift+;');
    await page.getByText('Copied', { exact: true }).waitFor();
    await page.getByText('Copied', { exact: true }).waitFor({ state: 'detached' });
    return page.evaluate<string>('navigator.clipboard.readText()');
  };
  expect(await copied(0, '.code__more')).toBe(code);
  await page.evaluate(`navigator.clipboard.writeText('')`);
  expect(await copied(1, 'p >> text=no code in answer 59')).toBe(code);
  expect(await copied(2, '.code__diagram')).toBe(diagram);
});

test('code is wrapped when asked, and a chat is cleared and brought back by the keyboard', async () => {
  const { page } = await here.open();
  await say(page, `/say \`\`\`text\n${'word '.repeat(120)}\n\`\`\``);
  await answered(page);
  const code = page.locator('.code pre');
  expect(await code.evaluate(isWiderThanItsPlace)).toBe(true);
  await page.locator('.code').getByRole('button', { name: 'Wrap lines' }).click();
  await expect.poll(() => code.evaluate(isWiderThanItsPlace)).toBe(false);
  await page.keyboard.press('Control+Shift+X');
  await expect.poll(() => page.locator('.message').count()).toBe(0);
  await page.getByRole('button', { name: 'Undo' }).press('Enter');
  await expect.poll(() => page.locator('.message').count()).toBe(2);
});

test('a formula that defines too much, and code that cannot be coloured in time, hold up nothing else', async () => {
  const response = await fetch(`${here.server.address}/api/chats`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ settings: { sampling: { maxNewTokens: 100_000 } } }),
  });
  const { id } = (await response.json()) as { id: string };
  const { page } = await here.open({ path: `/#/c/${id}` });
  const slow = '[a]('.repeat(10_000);
  const formula = `\\def\\a{${'x'.repeat(100)}}${'\\a{}'.repeat(400)}`;
  const blocks = ['~~~markdown', slow, '~~~', '', '~~~js', 'const one = 1;', '~~~'];
  await say(page, ['/say $$x^2$$', '', `$$${formula}$$`, '', ...blocks].join('\n'));
  const answer = page.locator('.message--answer').last();
  await answer.locator('.katex').waitFor();
  await answer.locator('.hljs-keyword').waitFor();
  expect(await answer.locator('.katex').count()).toBe(1);
  expect(await answer.locator('.math code').innerText()).toBe(formula);
});
