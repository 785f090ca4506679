import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { buildPage, launch, pageFolder, servePage } from '../test/browser/open-page.ts';
import type { RunningServer } from '../test/fixtures/running-server.ts';
import type { BenchContext } from './bench.ts';
import { quantile, single, singleRow, watched, type Round } from './measure.ts';
import { visit, type Visit } from './page-visit.ts';

const messageCount = 2_000;
const tokensPerSecond = 100;
const throttle = 4;
const streamMs = 12_000;

const code = '```ts\nexport function graze(herd: Llama[]): number {\n  return herd.length * 2;\n}\n```';
const paragraph =
  'The herd moved slowly over the dry hill while two riders kept to the **shade** and spoke of rain. ';
const answer = `${paragraph}\n\n- one\n- two\n\n${code}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n${paragraph}`;

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

const watchWork = `window.work = { tasks: [], keys: [], flushes: [] };
new PerformanceObserver((list) => work.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' });
new PerformanceObserver((list) => work.keys.push(...list.getEntries().filter((e) => e.name === 'keydown').map((e) => e.duration))).observe({ type: 'event', durationThreshold: 16 });
new PerformanceObserver((list) => work.flushes.push(...list.getEntries().filter((e) => e.name === 'corral-flush').map((e) => e.duration))).observe({ type: 'measure' });`;

interface Work {
  tasks: number[];
  keys: number[];
  flushes: number[];
}

async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  return context.newPage();
}

/** Makes the long chat and gives back its id. */
/** A chat that is the same as another is not imported again, so each is about a herd of its own. */
async function longChat(server: RunningServer, herd = 0): Promise<string> {
  const messages = Array.from({ length: messageCount }, (_, index) =>
    index % 2 === 0
      ? { role: 'user', content: `Question ${index / 2 + 1} about herd ${herd}` }
      : { role: 'assistant', content: answer },
  );
  const { body } = await server.call('POST', '/api/import', { 'the long chat': messages });
  const [id] = (body['chatIds'] ?? []) as string[];
  if (!id) throw new Error(`the import made no chat: ${JSON.stringify(body)}`);
  // Unless it is told otherwise an answer ends after 512 tokens, which is before the typing does.
  await server.call('PATCH', `/api/chats/${id}`, { settings: { sampling: { maxNewTokens: 50_000 } } });
  return id;
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

interface Streamed extends Work {
  nodes: number;
  heapBytes: number;
  /** Share of the time in which the page's thread worked, and of which parts. */
  busy: { task: number; script: number; layout: number; style: number };
}

type Metrics = Map<string, number>;

async function metricsOf(client: CDPSession): Promise<Metrics> {
  const { metrics } = await client.send('Performance.getMetrics');
  return new Map(metrics.map(({ name, value }) => [name, value]));
}

function busyShares(before: Metrics, after: Metrics): Streamed['busy'] {
  const spent = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  const share = (name: string): number => spent(name) / spent('Timestamp');
  return {
    task: share('TaskDuration'),
    script: share('ScriptDuration'),
    layout: share('LayoutDuration'),
    style: share('RecalcStyleDuration'),
  };
}

/** An answer with code streams into the long chat on a slow processor while somebody types. */
async function stream(browser: Browser, server: RunningServer, chatId: string): Promise<Streamed> {
  const page = await newPage(browser);
  const client = await page.context().newCDPSession(page);
  await page.goto(`${server.address}/#/c/${chatId}`);
  await page.locator('.message').last().waitFor();
  await page.locator('#composer').fill(`/say ${Array.from({ length: 60 }, () => answer).join('\n\n')}`);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('[data-state="running"] .prose p').first().waitFor();
  await client.send('Emulation.setCPUThrottlingRate', { rate: throttle });
  await page.waitForTimeout(1_000);
  await client.send('Performance.enable');
  await page.evaluate(watchWork);
  const before = await metricsOf(client);
  const until = performance.now() + streamMs;
  await page.locator('#composer').focus();
  while (performance.now() < until) {
    await page.keyboard.press('a');
    await page.waitForTimeout(150);
  }
  const busy = busyShares(before, await metricsOf(client));
  if ((await page.locator('[data-state="running"]').count()) === 0)
    throw new Error('the answer ended while somebody was typing');
  const work = await page.evaluate<Work>('work');
  const nodes = await page.evaluate<number>(`document.querySelectorAll('*').length`);
  await client.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  await client.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await client.send('Runtime.getHeapUsage')) as { usedSize: number };
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.locator('[data-state="running"]').waitFor({ state: 'detached' });
  await page.context().close();
  return { ...work, nodes, heapBytes: usedSize, busy };
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

const worst = (values: readonly number[]): number => Math.max(0, ...values);
const nearlyWorst = (values: readonly number[]): number =>
  quantile(
    values.toSorted((left, right) => left - right),
    0.95,
  );

interface Bench {
  context: BenchContext;
  browser: Browser;
  server: RunningServer;
  chatId: string;
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

const percent = (share: number): string => `${Math.round(share * 100)} %`;

const streamRounds = 3;

/** One slow moment of the machine is in one round; what the page itself does is in all of them. */
async function reportStream({ context, browser, server }: Bench): Promise<void> {
  const rounds: Round<Streamed>[] = [];
  while (rounds.length < streamRounds) {
    // Each in a chat of its own: two long answers below one another are twice the document.
    const chatId = await longChat(server, rounds.length + 1);
    rounds.push(await watched(() => stream(browser, server, chatId)));
  }
  const figures: [name: string, unit: string, of: (streamed: Streamed) => number, limit: number][] = [
    ['longest task', 'ms', ({ tasks }) => worst(tasks), 100],
    ['slowest keystroke', 'ms', ({ keys }) => worst(keys), 50],
    ['flush, 95th percentile', 'ms', ({ flushes }) => nearlyWorst(flushes), 8],
    ['document nodes', '', ({ nodes }) => nodes, 3_000],
    ['heap', 'MB', ({ heapBytes }) => heapBytes / 1e6, 250],
  ];
  const note = [
    `${messageCount} messages, ${tokensPerSecond} tokens/s with code, ${throttle}× throttle`,
    ...rounds.map(({ value }) => roundNote(value)),
  ].join('; ');
  for (const [name, unit, of, limit] of figures)
    context.report(
      singleRow({
        name,
        unit,
        rounds: rounds.map(({ value, foreign }) => ({ value: of(value), foreign })),
        goal: `under ${limit} ${unit}`.trim(),
        isReached: ({ median }) => median < limit,
        note,
      }),
    );
}

function roundNote({ flushes, keys, busy }: Streamed): string {
  const { task, script, layout, style } = busy;
  return [
    `${flushes.length} flushes`,
    `${keys.length} keystrokes over 16 ms, 95th percentile ${nearlyWorst(keys).toFixed(0)} ms`,
    `the page's thread works ${percent(task)} of the time: script ${percent(script)}, layout ${percent(layout)}, style ${percent(style)}`,
  ].join(', ');
}
