/**
 * What the server adds to the engine, a thousand streams at once, and requests without sense. Parts: `overhead`,
 * `streams` (BENCH_STREAMS, 1000, for BENCH_STREAM_SECONDS, 300), `fuzz` (BENCH_FUZZ_REQUESTS, 20000), and by name only
 * `short`: the streams for half a minute.
 */
import { startServer, type RunningServer } from '../test/fixtures/running-server.ts';
import type { BenchContext } from './bench.ts';
import { pair, quantile, single } from './measure.ts';
import { fuzz } from './server-fuzz.ts';
import { streams } from './server-streams.ts';

const streamSeconds = Number(process.env['BENCH_STREAM_SECONDS'] ?? 300);
const streamCount = Number(process.env['BENCH_STREAMS'] ?? 1000);

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

const parts: Record<string, (context: BenchContext) => Promise<void>> = {
  overhead,
  streams: (context) => streams(context, { streams: streamCount, seconds: streamSeconds }),
  fuzz,
};

/** Only by name: the streams for half a minute. */
const short = (context: BenchContext): Promise<void> =>
  streams(context, { streams: streamCount, seconds: 30 });

export async function run(context: BenchContext): Promise<void> {
  for (const [name, part] of Object.entries(parts)) {
    if (context.only.length === 0 || context.only.includes(name)) await part(context);
  }
  if (context.only.includes('short')) await short(context);
}
