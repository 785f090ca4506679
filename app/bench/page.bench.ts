import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { buildPage, launch, pageFolder, servePage } from '../test/browser/open-page.ts';
import type { RunningServer } from '../test/fixtures/running-server.ts';
import type { BenchContext } from './bench.ts';
import { quantile, single } from './measure.ts';
import { longChat, messageCount, newPage, tokensPerSecond, type Bench } from './page-long-chat.ts';
import { reportStream } from './page-stream.ts';
import { visit, type Visit } from './page-visit.ts';

/** JavaScript that the first page needs, as it travels. */
function initialBytes(): number {
  const html = readFileSync(join(pageFolder, 'index.html'), 'utf8');
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)].map((match) => match[1] ?? '');
  return files.reduce((sum, file) => sum + smallest(join(pageFolder, file)), 0);
}

/** A file that brotli does not make smaller has no `.br` beside it. */
function smallest(path: string): number {
  return (statSync(`${path}.br`, { throwIfNoEntry: false }) ?? statSync(path)).size;
}

interface Opening {
  /** From the click on its row to the drawn messages. */
  shown: number;
  /** Until those far above, which nobody sees yet, are here too. */
  whole: number;
}

async function openChat(browser: Browser, server: RunningServer, chatId: string): Promise<Opening> {
  const page = await newPage(browser);
  await page.goto(server.address);
  await page.locator('.chat-row').first().waitFor();
  await page.waitForTimeout(500);
  const took = await page.evaluate<Opening>(`new Promise((resolve) => {
    const began = performance.now();
    let shown;
    const whenDrawn = (then) => requestAnimationFrame(() => setTimeout(() => then(performance.now() - began)));
    new MutationObserver((_, observer) => {
      if (!document.querySelector('.message')) return;
      shown ??= new Promise(whenDrawn);
      if (document.querySelector('[role="log"][aria-busy]')) return;
      observer.disconnect();
      whenDrawn(async (whole) => resolve({ shown: await shown, whole }));
    }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['aria-busy'] });
    location.hash = '#/c/${chatId}';
  })`);
  await page.context().close();
  return took;
}

async function violations(browser: Browser, server: RunningServer, chatId: string): Promise<number> {
  const page = await newPage(browser);
  let count = 0;
  for (const hash of ['#/', `#/c/${chatId}`, '#/models', '#/settings/appearance']) {
    await page.goto(`${server.address}/${hash}`);
    await page.locator('#composer, .view h1').first().waitFor();
    await page.waitForTimeout(300);
    count += (await new AxeBuilder({ page }).analyze()).violations.length;
  }
  await page.context().close();
  return count;
}

/** `npm run bench -- page:open,stream` runs these only. */
const parts: Record<string, (bench: Bench) => Promise<void>> = {
  size: reportSize,
  first: reportFirst,
  open: reportOpen,
  stream: reportStream,
  axe: reportAxe,
};

export async function run(context: BenchContext): Promise<void> {
  await buildPage();
  const browser = await launch();
  const server = await servePage({ script: { tokensPerSecond, contextTokens: 100_000 } });
  const chatId = await longChat(server);
  for (const [name, report] of Object.entries(parts))
    if (context.only.length === 0 || context.only.includes(name))
      await report({ context, browser, server, chatId });
  await browser.close();
  await server.close();
}

async function reportSize({ context }: Bench): Promise<void> {
  context.report(
    await single({
      name: 'initial JavaScript, brotli',
      unit: 'kB',
      rounds: 1,
      measure: async () => initialBytes() / 1_000,
      goal: '≤ 150 kB',
      isReached: ({ high }) => high <= 150,
    }),
  );
}

/** The field of the HTML is drawn: what is typed there is kept, and Enter and Send are heard. */
const answerable = `performance.getEntriesByName('corral-answerable')[0].startTime`;
/** The page itself is drawn and has taken over. */
const drawn = `performance.getEntriesByName('corral-drawn')[0].startTime`;
/** When a page's first script runs, and it has nothing else. */
const bare = `performance.getEntriesByType('navigation')[0].domInteractive`;

async function reportFirst({ context, browser, server }: Bench): Promise<void> {
  const url = server.address;
  const nothing = `${url}/favicon.svg`;
  const rows: [name: string, visit: Visit, goal: string][] = [
    ['first answerable page, in an open tab', { url, isTabOpen: true, moment: answerable }, '≤ 500 ms'],
    ['the whole page, in an open tab', { url, isTabOpen: true, moment: drawn }, 'shown'],
    ['a file without anything, in an open tab', { url: nothing, isTabOpen: true, moment: bare }, 'shown'],
    ['first answerable page, in a new process', { url, isTabOpen: false, moment: answerable }, 'shown'],
    ['a file without anything, in a new process', { url: nothing, isTabOpen: false, moment: bare }, 'shown'],
  ];
  for (const [name, first, goal] of rows)
    context.report(
      await single({
        name,
        unit: 'ms',
        measure: () => visit(browser, first),
        goal,
        isReached: ({ median }) => goal === 'shown' || median <= 500,
        note: 'new profile, nothing cached, from the start of the navigation; nobody attached; answerable: the message field is drawn, what is typed is kept and what is sent goes out when the page has taken over',
      }),
    );
}

async function reportOpen({ context, browser, server, chatId }: Bench): Promise<void> {
  const wholes: number[] = [];
  const shown = await single({
    name: `open a chat of ${messageCount} messages`,
    unit: 'ms',
    measure: async () => {
      const took = await openChat(browser, server, chatId);
      wholes.push(took.whole);
      return took.shown;
    },
    goal: '≤ 300 ms',
    isReached: ({ median }) => median <= 300,
  });
  const whole = quantile(
    wholes.toSorted((left, right) => left - right),
    0.5,
  );
  context.report({
    ...shown,
    note: `until its last messages are drawn; all of them are here after ${whole.toFixed(0)} ms`,
  });
}

async function reportAxe({ context, browser, server, chatId }: Bench): Promise<void> {
  context.report(
    await single({
      name: 'axe violations in four views',
      unit: '',
      rounds: 1,
      measure: () => violations(browser, server, chatId),
      goal: '0',
      isReached: ({ high }) => high === 0,
    }),
  );
}
