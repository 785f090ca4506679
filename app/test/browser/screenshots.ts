/**
 * Pictures of every view in three widths and both themes, to be looked at:
 * `node bin/run.mjs app/test/browser/screenshots.ts FOLDER [WIDTH…]`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { RunningServer } from '../fixtures/running-server.ts';
import { answered, launch, openPage, say, servePage } from './open-page.ts';

const [folder = 'screenshots', ...chosen] = process.argv.slice(2);
const widths = chosen.length > 0 ? chosen.map(Number) : [1440, 1024, 390];
const heights: Record<number, number> = { 1440: 900, 1024: 768, 390: 844 };
const key = 'the-key-of-this-corral';

const answer = `## How a llama guards

It **stands up**, looks, and *walks towards* what is strange; see [the card](https://example.org/) and \`herd.count()\`.

| sign | meaning |
|:--|--:|
| ears back | 1 |
| alarm call | 2 |

\`\`\`ts
export function graze(herd: readonly Llama[]): number {
  // Two meals a day.
  return herd.filter((llama) => llama.isHungry).length * 2;
}
\`\`\`

1. Look
2. Call
   - loudly
   - once more

$$\\int_0^1 x^2\\,dx = \\tfrac{1}{3}$$

\`\`\`mermaid
flowchart LR
  fold[The fold] --> hill{On the hill?}
  hill -->|yes| grass
  hill -->|no| hay
\`\`\`

> Who sleeps in the fold sleeps well.`;

interface Look {
  page: Page;
  server: RunningServer;
  width: number;
  longChat: string;
  shot: (name: string) => Promise<void>;
}

async function empty({ page, server, shot }: Look): Promise<void> {
  await page.goto(`${server.address}/#/`);
  await page.locator('.empty[data-ready]').waitFor();
  await shot('empty');
}

async function chat({ page, shot, width }: Look): Promise<void> {
  await say(page, `/say ${answer}`);
  await answered(page);
  await page.locator('.hljs-keyword').first().waitFor();
  await page.locator('.katex').first().waitFor();
  await page.locator('.code__diagram').first().waitFor();
  await shot('chat');
  await page.locator('[data-panel-toggle]').click();
  await page.getByLabel('Temperature').first().waitFor();
  await shot('panel');
  if (width < 1024) await page.keyboard.press('Escape');
  else await page.locator('[data-panel-toggle]').click();
  await page.locator('.message--answer').last().getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem').first().waitFor();
  await shot('menu');
  await page.keyboard.press('Escape');
  await page.locator('.message--answer').last().getByRole('button', { name: 'Receipt' }).click();
  await page.getByText('Ended because').waitFor();
  await shot('receipt');
  await page.keyboard.press('Escape');
  await say(page, '/fail 3 engine-hung');
  await page.locator('.end-note').getByText('The script says that this answer fails.').waitFor();
  await shot('failed');
}

async function sideBySide({ page, server, shot }: Look): Promise<void> {
  await page.goto(`${server.address}/#/`);
  await page.getByRole('button', { name: 'Side by side' }).click();
  const dialog = page.getByRole('dialog', { name: 'Side by side' });
  await dialog.getByLabel('Preset').last().selectOption('Shepherd');
  await dialog.getByRole('textbox', { name: 'Message to both' }).fill('which of you guards better?');
  await shot('compare-asked');
  await dialog.getByRole('button', { name: 'Answer with both' }).click();
  await dialog.getByRole('button', { name: 'Keep this one' }).nth(1).waitFor();
  await shot('compare');
  await page.keyboard.press('Escape');
}

async function overlays({ page, shot }: Look): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await shot('palette');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+/');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await shot('shortcuts');
  await page.keyboard.press('Escape');
}

async function sidebar({ page, shot, width }: Look): Promise<void> {
  if (width < 700) await page.getByRole('button', { name: 'Chats' }).click();
  await page.locator('.chat-row').first().waitFor();
  await shot('sidebar');
  await page.getByRole('searchbox').first().fill('guards');
  await page.locator('.hit').first().waitFor();
  await shot('search');
  await page.getByRole('searchbox').first().fill('nothing like this');
  await page.getByText('Nothing found').waitFor();
  await shot('search-none');
  await page.getByRole('searchbox').first().fill('');
  await page.getByRole('button', { name: 'Trash' }).click();
  await page.locator('.trash-row').first().waitFor();
  await shot('trash');
  await page.getByRole('button', { name: 'Trash' }).click();
  if (width < 700) await page.keyboard.press('Escape');
}

async function views({ page, server, shot }: Look): Promise<void> {
  await page.goto(`${server.address}/#/models`);
  await page.getByRole('heading', { name: 'On this machine' }).waitFor();
  await page.getByRole('button', { name: 'Add an adapter' }).click();
  await shot('models');
  for (const section of ['appearance', 'shortcuts', 'providers', 'logging', 'data', 'about']) {
    await page.goto(`${server.address}/#/settings/${section}`);
    await page.locator('.settings__body h2').waitFor();
    await shot(`settings-${section}`);
  }
  await page.goto(`${server.address}/#/settings/data`);
  await page
    .getByRole('button', { name: /^Restore the backup/ })
    .first()
    .click();
  await page.getByText(/^It holds/).waitFor();
  await shot('restore');
  await page.keyboard.press('Escape');
}

async function contextLine({ page, server, longChat, shot }: Look): Promise<void> {
  await page.goto(`${server.address}/#/c/${longChat}`);
  await page.locator('.message').last().waitFor();
  await say(page, 'what did I ask first?');
  await page.locator('.context-line').waitFor();
  await answered(page);
  await page.locator('.context-line').scrollIntoViewIfNeeded();
  await shot('context-line');
}

async function away({ page, shot }: Look): Promise<void> {
  await page.context().setOffline(true);
  await say(page, 'typed while the server is away');
  await page.getByText('Not sent.').waitFor();
  await shot('away');
  await page.context().setOffline(false);
}

const looks = [empty, chat, sideBySide, overlays, sidebar, views, contextLine, away];

/** Gives back the id of a chat longer than the model's context. */
async function fillServer(server: RunningServer): Promise<string> {
  const make = async (title: string, more: object = {}): Promise<string> => {
    const { body } = await server.call('POST', '/api/chats', { title, ...more });
    return String(body['id']);
  };
  await make('Shearing in spring', { tags: ['wool'] });
  await make('Fences and gates', { folder: 'Building' });
  await server.call('PATCH', `/api/chats/${await make('The herd book', { tags: ['wool', 'numbers'] })}`, {
    pinned: true,
  });
  await server.call('DELETE', `/api/chats/${await make('A chat that is gone')}`);
  await server.call('PUT', '/api/presets/Shepherd', { settings: { systemPrompt: 'Speak like a shepherd.' } });
  for (let backups = 0; backups < 2; backups += 1) await server.call('POST', '/api/backups');
  const filler = 'The herd went over the hill and came back in the evening. '.repeat(8);
  const { body } = await server.call('POST', '/api/import', {
    'a long talk': Array.from({ length: 12 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `${index}: ${filler}`,
    })),
  });
  return (body['chatIds'] as string[])[0] ?? '';
}

/** The way in, and the way out. */
async function signIn(browser: Browser, options: object, pathOf: (name: string) => string): Promise<void> {
  const locked = await servePage({ environment: { CORRAL_ACCESS_KEY: key } });
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(locked.address);
  await page.getByLabel('Access key').waitFor();
  await page.screenshot({ path: pathOf('sign-in') });
  await page.getByLabel('Access key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.empty[data-ready]').waitFor();
  await page.goto(`${locked.address}/#/settings/about`);
  await page.getByRole('button', { name: 'Sign out' }).scrollIntoViewIfNeeded();
  await page.screenshot({ path: pathOf('sign-out') });
  await context.close();
  await locked.close();
}

const browser = await launch();
const server = await servePage({
  script: { contextTokens: 1_500, tokensPerSecond: 250 },
  environment: { CORRAL_CONTEXT: '1500', CORRAL_DESCRIPTION: 'Ask the herd.' },
});
const longChat = await fillServer(server);
mkdirSync(folder, { recursive: true });
for (const width of widths)
  for (const colorScheme of ['light', 'dark'] as const) {
    const options = {
      viewport: { width, height: heights[width] ?? 900 },
      colorScheme,
      reducedMotion: 'reduce' as const,
    };
    const { page, context, problems } = await openPage(browser, server.address, options);
    const path = (name: string): string => join(folder, `${name}-${width}-${colorScheme}.png`);
    const shot = async (name: string): Promise<void> => {
      await page.waitForTimeout(250);
      await page.screenshot({ path: path(name) });
    };
    for (const look of looks)
      await look({ page, server, width, longChat, shot }).catch((error: unknown) =>
        console.error(`${look.name}, ${width}, ${colorScheme}: ${String(error).slice(0, 600)}`),
      );
    if (problems.length > 0) console.error(problems);
    await context.close();
    await signIn(browser, options, path);
  }
await browser.close();
await server.close();
