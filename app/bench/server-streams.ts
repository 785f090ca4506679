import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine, EngineLoader } from '../src/engine/engine.ts';
import { createScriptedLoader } from '../src/engine/scripted/scripted-loader.ts';
import { startServer, type RunningServer } from '../test/fixtures/running-server.ts';
import type { BenchContext } from './bench.ts';
import { quantile, spread, type BenchRow } from './measure.ts';
import { foreignShare, readProcessorTime } from './processor-time.ts';
import type { WatchOrder, WatchReport } from './server-watchers.ts';

/** Many streams at once: each token noted where it leaves the engine and where it arrives at a watcher. */
export interface StreamsOptions {
  streams: number;
  seconds: number;
}

const now = (): number => performance.timeOrigin + performance.now();

/** Room for every token of a stream, taken before it begins, so that what grows is not our own notes. */
class Emissions {
  readonly #at = new Map<string, { values: Float64Array; count: number }>();
  readonly #tokens: number;

  constructor({ seconds }: StreamsOptions) {
    this.#tokens = (seconds + 60) * 12;
  }

  open(key: string): void {
    // Filled, so that its pages are there from the start.
    this.#at.set(key, { values: new Float64Array(this.#tokens * 2).fill(1), count: 0 });
  }

  note(key: string, length: number): void {
    const entry = this.#at.get(key);
    if (!entry || entry.count + 2 > entry.values.length) return;
    entry.values[entry.count++] = length;
    entry.values[entry.count++] = now();
  }

  /** When the text of this length was there. */
  of(key: string): Float64Array {
    const entry = this.#at.get(key);
    return entry ? entry.values.subarray(0, entry.count) : new Float64Array();
  }
}

/** Answers begin when everybody watches, spread over a second as those of people are. */
function watchedLoader(
  options: StreamsOptions,
  emissions: Emissions,
  isWatched: Promise<void>,
): EngineLoader {
  const { streams } = options;
  const loader = createScriptedLoader({ tokensPerSecond: 10, slots: streams, contextTokens: 65_536 });
  let begun = 0;
  return {
    ...loader,
    async load(source, loadOptions): Promise<Engine> {
      const engine = await loader.load(source, { ...loadOptions, slots: streams });
      return {
        ...engine,
        async *generate(request, signal) {
          let length = 0;
          await isWatched;
          await delay((begun++ * 997) % 1000);
          for await (const part of engine.generate(request, signal)) {
            if (part.type === 'text-delta')
              emissions.note(request.stateKey ?? '', (length += part.text.length));
            yield part;
          }
        },
      };
    },
  };
}

const kindOf = (index: number): WatchOrder['runs'][number]['kind'] =>
  index % 10 === 0 ? 'stalled' : index % 10 === 1 ? 'half-open' : 'reading';

interface StartedRun {
  runId: string;
  chatId: string;
  kind: WatchOrder['runs'][number]['kind'];
}

async function startRuns(
  running: RunningServer,
  emissions: Emissions,
  { streams, seconds }: StreamsOptions,
): Promise<StartedRun[]> {
  const runs: StartedRun[] = [];
  for (let index = 0; index < streams; index++) {
    const chat = await running.chats.create('owner', {
      settings: { sampling: { maxNewTokens: seconds * 10, ignoreEos: true }, contextTokens: 65_536 },
    });
    emissions.open(chat.id);
    const { runs: started } = await running.chats.run('owner', chat.id, {
      input: { kind: 'message', content: `/long ${seconds * 10}` },
    });
    runs.push({ runId: started[0]!.id, chatId: chat.id, kind: kindOf(index) });
  }
  return runs;
}

function delaysOf(arrivals: Float64Array, emitted: Float64Array): number[] {
  const delays: number[] = [];
  let at = 0;
  for (let index = 0; index < arrivals.length; index += 2) {
    const [length = 0, came = 0] = [arrivals[index], arrivals[index + 1]];
    // The oldest text of this piece waited longest: that one counts.
    delays.push(came - (emitted[at + 1] ?? came));
    while (at < emitted.length && (emitted[at] ?? 0) <= length) at += 2;
  }
  return delays;
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** What closes behind the last stream, closes soon; how many are open more than before. */
async function filesLeft(before: number): Promise<number> {
  const until = performance.now() + 10_000;
  while (openFiles() > before && performance.now() < until) await delay(200);
  return openFiles() - before;
}

interface StreamFigures {
  delays: number[];
  lost: number;
  /** Bytes, once a second while everything streams. */
  memory: number[];
  /** Cores that server, store and engine took together. */
  cores: number;
  filesLeft: number;
}

async function ready(watchers: ChildProcess, order: WatchOrder): Promise<void> {
  const isReady = once(watchers, 'message');
  watchers.send(order);
  await isReady;
}

async function measureStreams(options: StreamsOptions): Promise<StreamFigures> {
  const emissions = new Emissions(options);
  const watched = Promise.withResolvers<void>();
  const running = await startServer({ loaders: [watchedLoader(options, emissions, watched.promise)] });
  await running.call('GET', '/healthz');
  const filesBefore = openFiles();
  const watchers = fork(new URL('server-watchers.ts', import.meta.url), { serialization: 'advanced' });
  const runs = await startRuns(running, emissions, options);
  await ready(watchers, { address: running.address, runs });
  const memory: number[] = [];
  const sampler = setInterval(() => memory.push(process.memoryUsage.rss()), 1000);
  const [processorBefore, startedAt] = [process.cpuUsage(), performance.now()];
  watched.resolve();
  const [reports] = (await once(watchers, 'message')) as [WatchReport[]];
  clearInterval(sampler);
  const used = process.cpuUsage(processorBefore);
  const cores = (used.user + used.system) / 1000 / (performance.now() - startedAt);
  await once(watchers, 'exit');
  const left = await filesLeft(filesBefore);
  const chatOf = new Map(runs.map(({ runId, chatId }) => [runId, chatId]));
  const delays = reports.flatMap(({ runId, arrivals }) =>
    delaysOf(arrivals, emissions.of(chatOf.get(runId) ?? '')),
  );
  const lost = reports.filter(({ isWhole, gaps }) => !isWhole || gaps > 0).length;
  await running.close();
  return { delays, lost, memory, cores, filesLeft: left };
}

/** Medians of ten windows of the last two thirds: the rest is warming up, and a collection is no growth. */
function steadyMemory(memory: readonly number[]): number[] {
  const steady = memory.slice(Math.floor(memory.length / 3));
  const width = Math.max(1, Math.floor(steady.length / 10));
  const windows = Array.from({ length: Math.floor(steady.length / width) }, (_, index) =>
    steady.slice(index * width, (index + 1) * width),
  );
  return windows.map(
    (bytes) =>
      quantile(
        bytes.toSorted((a, b) => a - b),
        0.5,
      ) /
      2 ** 20,
  );
}

type Row = Pick<BenchRow, 'name' | 'unit' | 'goal' | 'isReached' | 'note'> & { values: number[] };

function rowsOf(options: StreamsOptions, figures: StreamFigures): Row[] {
  const sorted = figures.delays.toSorted((a, b) => a - b);
  const [half, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
  const memory = steadyMemory(figures.memory);
  const what = `${options.streams} streams, ${options.seconds} s`;
  return [
    {
      name: `added delay, 99 of 100 (${what})`,
      values: [p99],
      unit: 'ms',
      goal: '< 100 ms',
      isReached: p99 < 100,
      note: `median ${half.toFixed(1)} ms over ${sorted.length} pieces; text is held up to 40 ms on purpose; the watchers share the processor`,
    },
    {
      name: `streams that lost anything (${what})`,
      values: [figures.lost],
      unit: 'streams',
      goal: '0',
      isReached: figures.lost === 0,
    },
    {
      name: `memory while streaming (${what})`,
      values: memory,
      unit: 'MiB',
      goal: 'flat within 10 %',
      isReached: Math.max(...memory) <= Math.min(...memory) * 1.1,
      note: 'server, store and scripted engine in one process, which keeps every answer and its tokens',
    },
    {
      name: `processor for server, store and scripted engine (${what})`,
      values: [figures.cores],
      unit: `cores for ${options.streams * 10} tokens/s`,
      goal: 'none given',
      isReached: null,
    },
    {
      name: `file descriptors left behind (${what})`,
      values: [figures.filesLeft],
      unit: 'descriptors',
      goal: '0',
      isReached: figures.filesLeft <= 0,
    },
  ];
}

export async function streams(context: BenchContext, options: StreamsOptions): Promise<void> {
  context.log(`${options.streams} streams at 10 tokens/s for ${options.seconds} s`);
  const before = readProcessorTime();
  const figures = await measureStreams(options);
  const foreign = foreignShare(before, readProcessorTime());
  for (const { values, ...row } of rowsOf(options, figures)) {
    context.report({ ...row, ours: spread(values), rounds: 1, foreign });
  }
}
