/**
 * What the server adds to the engine, and a thousand streams at once. BENCH_STREAM_SECONDS (300) and BENCH_STREAMS
 * (1000) shorten it by hand.
 */
import { fork } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine, EngineLoader } from '../src/engine/engine.ts';
import { createScriptedLoader } from '../src/engine/scripted/scripted-loader.ts';
import { startServer, type RunningServer } from '../test/fixtures/running-server.ts';
import type { BenchContext } from './bench.ts';
import { pair, quantile, single, spread, type BenchRow } from './measure.ts';
import { foreignShare, readProcessorTime } from './processor-time.ts';
import type { WatchOrder, WatchReport } from './server-watchers.ts';

const streamSeconds = Number(process.env['BENCH_STREAM_SECONDS'] ?? 300);
const streamCount = Number(process.env['BENCH_STREAMS'] ?? 1000);
const now = (): number => performance.timeOrigin + performance.now();

async function direct(running: RunningServer, text: string): Promise<{ firstMs: number; totalMs: number }> {
  const { engine, release } = await running.engines.use('scripted');
  const started = performance.now();
  let firstMs = 0;
  const sampling = { maxNewTokens: 2000, seed: 1 };
  const prompt = { kind: 'raw', text, parseSpecial: true } as const;
  for await (const part of engine.generate({ id: 'bench', person: 'owner', prompt, sampling })) {
    if (part.type === 'text-delta' && firstMs === 0) firstMs = performance.now() - started;
  }
  release();
  return { firstMs, totalMs: performance.now() - started };
}

async function overHttp(running: RunningServer, text: string): Promise<{ firstMs: number; totalMs: number }> {
  const started = performance.now();
  let firstMs = 0;
  const answer = await fetch(`${running.address}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: text, max_tokens: 2000, seed: 1, stream: true }),
  });
  for await (const chunk of answer.body!) {
    if (firstMs === 0 && Buffer.from(chunk as Uint8Array).includes('"text":'))
      firstMs = performance.now() - started;
  }
  return { firstMs, totalMs: performance.now() - started };
}

const median = (values: number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

async function firstTokenOverhead(running: RunningServer): Promise<number> {
  const [ours, engine]: [number[], number[]] = [[], []];
  for (let count = 0; count < 60; count++) {
    ours.push((await overHttp(running, '/say hi')).firstMs);
    engine.push((await direct(running, '/say hi')).firstMs);
  }
  return median(ours) - median(engine);
}

async function overhead(context: BenchContext): Promise<void> {
  const quick = await startServer();
  await firstTokenOverhead(quick);
  context.report(
    await single({
      name: 'first token: what HTTP and the server add',
      unit: 'ms',
      measure: () => firstTokenOverhead(quick),
      goal: '≤ 2 ms',
      isReached: ({ median: value }) => value <= 2,
      note: 'median of 60 streamed /v1/completions, less the median of 60 calls of the engine itself',
    }),
  );
  await quick.close();
  const paced = await startServer({ script: { tokensPerSecond: 200 } });
  context.report(
    await pair({
      name: 'rate of one stream at 200 tokens/s',
      unit: 'ms for 300 words',
      ours: async () => (await overHttp(paced, '/long 300')).totalMs,
      peer: async () => (await direct(paced, '/long 300')).totalMs,
      goal: '≤ 1.02 of the engine itself',
      isReached: (ratio) => ratio <= 1.02,
    }),
  );
  await paced.close();
}

/** Room for every token of a stream, taken before it begins, so that what grows is not our own notes. */
class Emissions {
  readonly #at = new Map<string, { values: Float64Array; count: number }>();

  open(key: string): void {
    this.#at.set(key, { values: new Float64Array((streamSeconds + 60) * 24), count: 0 });
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

function watchedLoader(emissions: Emissions): EngineLoader {
  const loader = createScriptedLoader({ tokensPerSecond: 10, slots: streamCount, contextTokens: 65_536 });
  return {
    ...loader,
    async load(source, options): Promise<Engine> {
      const engine = await loader.load(source, { ...options, slots: streamCount });
      return {
        ...engine,
        async *generate(request, signal) {
          let length = 0;
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

const openFiles = (): number => readdirSync('/proc/self/fd').length;

interface StreamFigures {
  delays: number[];
  lost: number;
  memory: number[];
  /** Share of a core that server, store and engine took together. */
  cores: number;
  filesBefore: number;
  filesAfter: number;
}

async function startRuns(running: RunningServer, emissions: Emissions) {
  const runs: { runId: string; chatId: string; kind: WatchOrder['runs'][number]['kind'] }[] = [];
  for (let index = 0; index < streamCount; index++) {
    const chat = await running.chats.create('owner', {
      settings: { sampling: { maxNewTokens: streamSeconds * 10, ignoreEos: true }, contextTokens: 65_536 },
    });
    emissions.open(chat.id);
    const { runs: started } = await running.chats.run('owner', chat.id, {
      input: { kind: 'message', content: `/long ${streamSeconds * 10}` },
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
    const waited = came - (emitted[at + 1] ?? came);
    delays.push(waited);
    while (at < emitted.length && (emitted[at] ?? 0) <= length) at += 2;
  }
  return delays;
}

async function thousandStreams(): Promise<StreamFigures> {
  const emissions = new Emissions();
  const running = await startServer({ loaders: [watchedLoader(emissions)] });
  await running.call('GET', '/healthz');
  const filesBefore = openFiles();
  const watchers = fork(new URL('server-watchers.ts', import.meta.url), { serialization: 'advanced' });
  const runs = await startRuns(running, emissions);
  const memory: number[] = [];
  const processorBefore = process.cpuUsage();
  const startedAt = performance.now();
  const sampler = setInterval(() => memory.push(process.memoryUsage.rss()), 1000);
  const reports = await new Promise<WatchReport[]>((resolve) => {
    watchers.on('message', (message) => resolve(message as WatchReport[]));
    watchers.send({ address: running.address, runs } satisfies WatchOrder);
  });
  clearInterval(sampler);
  const used = process.cpuUsage(processorBefore);
  const cores = (used.user + used.system) / 1000 / (performance.now() - startedAt);
  await delay(3000);
  const filesAfter = openFiles();
  const chatOf = new Map(runs.map(({ runId, chatId }) => [runId, chatId]));
  const delays = reports.flatMap(({ runId, arrivals }) =>
    delaysOf(arrivals, emissions.of(chatOf.get(runId) ?? '')),
  );
  const lost = reports.filter(({ isWhole, gaps }) => !isWhole || gaps > 0).length;
  await running.close();
  return { delays, lost, memory, cores, filesBefore, filesAfter };
}

function row(
  name: string,
  values: number[],
  rest: Pick<BenchRow, 'unit' | 'goal' | 'isReached' | 'foreign' | 'note'>,
): BenchRow {
  return { name, ours: spread(values), rounds: 1, ...rest };
}

async function streams(context: BenchContext): Promise<void> {
  const report = (it: BenchRow): void => context.report(it);
  context.log(`${streamCount} streams at 10 tokens/s for ${streamSeconds} s`);
  const before = readProcessorTime();
  const { delays, lost, memory, cores, filesBefore, filesAfter } = await thousandStreams();
  const foreign = foreignShare(before, readProcessorTime());
  const sorted = delays.toSorted((a, b) => a - b);
  const p99 = quantile(sorted, 0.99);
  const note = `median ${quantile(sorted, 0.5).toFixed(1)} ms over ${sorted.length} pieces; text is held up to 50 ms on purpose; the watchers share the processor`;
  report(
    row('added delay, 99 of 100', [p99], {
      unit: 'ms',
      goal: '< 100 ms',
      isReached: p99 < 100,
      foreign,
      note,
    }),
  );
  report(
    row('streams that lost anything', [lost], { unit: 'streams', goal: '0', isReached: lost === 0, foreign }),
  );
  // The first third is start and warming up.
  const steady = memory.slice(Math.floor(memory.length / 3));
  const growth = Math.max(...steady) / Math.min(...steady) - 1;
  const megabytes = steady.map((bytes) => bytes / 2 ** 20);
  report(
    row('memory while streaming', megabytes, {
      unit: 'MiB',
      goal: 'flat within 10 %',
      isReached: growth <= 0.1,
      foreign,
    }),
  );
  const tokensPerSecond = streamCount * 10;
  report(
    row('processor for server, store and scripted engine', [cores], {
      unit: `cores for ${tokensPerSecond} tokens/s`,
      goal: 'none given',
      isReached: null,
      foreign,
    }),
  );
  const left = filesAfter - filesBefore;
  report(
    row('file descriptors left behind', [left], {
      unit: 'descriptors',
      goal: '0',
      isReached: left <= 0,
      foreign,
    }),
  );
}

const parts: Record<string, (context: BenchContext) => Promise<void>> = { overhead, streams };

export async function run(context: BenchContext): Promise<void> {
  for (const [name, part] of Object.entries(parts)) {
    if (context.only.length === 0 || context.only.includes(name)) await part(context);
  }
}
