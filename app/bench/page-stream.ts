import type { Browser, CDPSession } from 'playwright-core';
import type { RunningServer } from '../test/fixtures/running-server.ts';
import { quantile, singleRow, watched, type Round } from './measure.ts';
import { answer, longChat, messageCount, newPage, tokensPerSecond, type Bench } from './page-long-chat.ts';

const throttle = 4;
const streamMs = 12_000;
const streamRounds = 3;

const watchWork = `window.work = { tasks: [], keys: [], flushes: [] };
new PerformanceObserver((list) => work.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' });
new PerformanceObserver((list) => work.keys.push(...list.getEntries().filter((e) => e.name === 'keydown').map((e) => e.duration))).observe({ type: 'event', durationThreshold: 16 });
new PerformanceObserver((list) => work.flushes.push(...list.getEntries().filter((e) => e.name === 'corral-flush').map((e) => e.duration))).observe({ type: 'measure' });`;

interface Work {
  tasks: number[];
  keys: number[];
  flushes: number[];
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

const worst = (values: readonly number[]): number => Math.max(0, ...values);
const nearlyWorst = (values: readonly number[]): number =>
  quantile(
    values.toSorted((left, right) => left - right),
    0.95,
  );

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** One slow moment of the machine is in one round; what the page itself does is in all of them. */
export async function reportStream({ context, browser, server }: Bench): Promise<void> {
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
