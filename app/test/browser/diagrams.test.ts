import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { axeFaultsInBothThemes } from './axe-faults.ts';
import { inBrowser, phone } from './in-browser.ts';
import { answered, say, servePage } from './open-page.ts';

const here = inBrowser(() => servePage());

const herd =
  '```mermaid\nflowchart LR\n  fold[The fold] --> hill{On the hill?}\n  hill -->|yes| grass\n  hill -->|no| hay\n```';
const picture = (page: Page) => page.locator('.message--answer .code__diagram');

/** Of its middle, as the browser draws it. */
const isDrawn = (page: Page): Promise<boolean> =>
  picture(page)
    .last()
    .evaluate((image: { decode(): Promise<void>; naturalWidth: number; naturalHeight: number }) =>
      image.decode().then(() => image.naturalWidth > 100 && image.naturalHeight > 30),
    );

test('a diagram is drawn once its block is closed; its text is a click away', async () => {
  const { page, context } = await here.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  const fetched: string[] = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  await say(page, '/say ```ts\nlet herd = 1;\n```');
  await answered(page);
  expect(fetched.filter((path) => /mermaid|diagram/.test(path))).toEqual([]);
  await say(page, `/say ${herd}`);
  await picture(page).waitFor();
  expect(await isDrawn(page)).toBe(true);
  expect(await axeFaultsInBothThemes(page)).toEqual([]);
  const block = page.locator('.message--answer').last().locator('.code');
  await block.getByRole('button', { name: 'Copy code' }).click();
  expect(await page.evaluate('navigator.clipboard.readText()')).toContain('fold[The fold]');
  await block.getByRole('button', { name: 'Text of the diagram' }).click();
  expect(await block.locator('pre').innerText()).toContain('flowchart LR');
  await block.getByRole('button', { name: 'Text of the diagram' }).click();
  await picture(page).waitFor();
  await context.close();
});

test('what is no diagram stays its text, and what is in one reaches nothing', async () => {
  const { page, context } = await here.open();
  await say(page, '/say ```mermaid\nflowchart LR\n  fold --> --> nowhere\n```\n\nafter');
  await answered(page);
  const hostile = [
    'sequenceDiagram',
    '  accTitle: How the herd is called',
    '  participant A as <img src=x onerror="parent.stolen = 1">',
    '  A->>B: <script>parent.stolen = 1</script> come home',
    '  B-->>A: on the way',
  ].join('\n');
  await say(page, `/say \`\`\`mermaid\n${hostile}\n\`\`\``);
  await picture(page).waitFor();
  expect(await isDrawn(page)).toBe(true);
  expect(await picture(page).getAttribute('alt')).toBe('How the herd is called');
  expect(await page.locator('.message--answer').first().locator('pre').innerText()).toContain('nowhere');
  expect(await page.evaluate('window.stolen')).toBeUndefined();
  // The frame cannot read the page, and asks nobody for anything.
  const frame = page.frames().find((each) => each.url().endsWith('/diagram.html'));
  expect(
    await frame?.evaluate(`(() => { try { return parent.document.title } catch { return 'refused' } })()`),
  ).toBe('refused');
  await context.close();
});

test('a page without an origin is given what the frame runs, and nothing else', async () => {
  const fromNowhere = { headers: { origin: 'null', 'sec-fetch-site': 'cross-site' } };
  const html = await (await fetch(here.server.address, { headers: { accept: 'text/html' } })).text();
  const entry = /"(\/assets\/page-[^"]+\.js)"/.exec(html)?.[1];
  const status = async (path: string): Promise<number> =>
    (await fetch(here.server.address + path, fromNowhere)).status;
  expect(await status('/diagram.js')).toBe(200);
  expect(entry).toBeDefined();
  for (const path of [entry ?? '', '/diagram.html', '/api/chats', '/']) expect(await status(path)).toBe(403);
});

test('the other theme draws it in its colours, and a phone shows all of it', async () => {
  const { page, context } = await here.open({ ...phone, colorScheme: 'light' });
  await say(page, `/say ${herd}`);
  await picture(page).waitFor();
  const light = await picture(page).getAttribute('src');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(() => picture(page).getAttribute('src')).not.toBe(light);
  expect(await isDrawn(page)).toBe(true);
  const box = await picture(page).boundingBox();
  expect((box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 999) <= 390).toBe(true);
  await context.close();
});
