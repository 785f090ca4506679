/**
 * What Corral adds to a service elsewhere, and what two hundred streams through it cost. The service is a stand-in that
 * streams in vLLM's wire format at a steady pace; Corral is the whole server, in a process of its own.
 * BENCH_REMOTE_SECONDS (20) and BENCH_REMOTE_STREAMS (200) shorten it by hand.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchContext } from './bench.ts';
import { timedChat, type TimedAnswer } from './chat-client.ts';
import { pair, quantile, single } from './measure.ts';

const seconds = Number(process.env['BENCH_REMOTE_SECONDS'] ?? 20);
const streamCount = Number(process.env['BENCH_REMOTE_STREAMS'] ?? 200);
const main = new URL('../src/main.ts', import.meta.url).pathname;
const model = 'bench/model';
const messages = [{ role: 'user' as const, content: 'Say words.' }];

interface Running {
  service: string;
  corral: string;
  corralPid: number;
  close(): void;
}

async function start(tokensPerSecond: number): Promise<Running> {
  const service = fork(new URL('paced-service.ts', import.meta.url), [String(tokensPerSecond)]);
  const port = await new Promise<number>((resolve) =>
    service.once('message', (value) => resolve(Number(value))),
  );
  const home = mkdtempSync(join(tmpdir(), 'corral-bench-remote-'));
  const corral = fork(main, ['serve', '--port', '0'], {
    silent: true,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      CORRAL_HOME: home,
      CORRAL_PROVIDER_SVC_URL: `http://127.0.0.1:${port}/v1`,
      HF_HUB_OFFLINE: '1',
    },
  });
  const address = await addressOf(corral);
  const running = {
    service: `http://127.0.0.1:${port}`,
    corral: address,
    corralPid: corral.pid ?? 0,
    close: () => {
      service.kill('SIGKILL');
      corral.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
  process.once('exit', running.close);
  return running;
}

function addressOf(corral: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      said += chunk.toString();
      const found = /answers at (http:\/\/\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    corral.stdout?.on('data', read);
    corral.stderr?.on('data', read);
    corral.once('exit', () => reject(new Error(`corral ended: ${said}`)));
  });
}

const direct = ({ service }: Running, tokens: number): Promise<TimedAnswer> =>
  timedChat(service, model, messages, tokens);
const through = ({ corral }: Running, tokens: number): Promise<TimedAnswer> =>
  timedChat(corral, `svc:${model}`, messages, tokens);

const median = (values: number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

async function firstTokenAdded(running: Running): Promise<number> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < 60; round++) {
    ours.push((await through(running, 1)).firstTokenMs);
    theirs.push((await direct(running, 1)).firstTokenMs);
  }
  return median(ours) - median(theirs);
}

async function delay(context: BenchContext): Promise<void> {
  const running = await start(100);
  await firstTokenAdded(running);
  context.report(
    await single({
      name: 'first token: what Corral adds to the service',
      unit: 'ms',
      measure: () => firstTokenAdded(running),
      goal: '≤ 3 ms',
      isReached: ({ median: value }) => value <= 3,
      note: 'median of 60 streamed answers through Corral less the median of 60 from the service itself',
    }),
  );
  context.report(
    await pair({
      name: 'rate of one stream at 100 tokens/s through Corral',
      unit: 'ms for 300 tokens',
      ours: async () => (await through(running, 300)).generationMs,
      peer: async () => (await direct(running, 300)).generationMs,
      goal: '≤ 1.02 of the service itself',
      isReached: (ratio) => ratio <= 1.02,
    }),
  );
  running.close();
}

/** User and system time of a process and its threads, in milliseconds. */
function processorMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function costPerToken(running: Running): Promise<number> {
  const tokensEach = seconds * 20;
  const before = processorMs(running.corralPid);
  const answers = await Promise.all(Array.from({ length: streamCount }, () => through(running, tokensEach)));
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
  if (tokens !== streamCount * tokensEach)
    throw new Error(`${tokens} of ${streamCount * tokensEach} tokens came`);
  return (processorMs(running.corralPid) - before) / tokens;
}

async function streams(context: BenchContext): Promise<void> {
  const running = await start(20);
  context.log(`${streamCount} streams at 20 tokens/s for ${seconds} s`);
  await through(running, 20);
  context.report(
    await single({
      name: `${streamCount} streams through one provider: processor time of Corral`,
      unit: 'ms a token',
      rounds: 3,
      measure: () => costPerToken(running),
      goal: '≤ 0.1 ms a token',
      isReached: ({ median: value }) => value <= 0.1,
      note: 'user and system time of the server with all its threads, read token by token over /v1/chat/completions',
    }),
  );
  running.close();
}

const parts: Record<string, (context: BenchContext) => Promise<void>> = { delay, streams };

export async function run(context: BenchContext): Promise<void> {
  for (const [name, part] of Object.entries(parts)) {
    if (context.only.length === 0 || context.only.includes(name)) await part(context);
  }
}
