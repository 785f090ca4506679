import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BenchContext } from './bench.ts';
import { benchAdapter, benchOutput, benchRepository, type BenchShape } from './convert-models.ts';
import { inTurns, pairRow, singleRow, watched, type Round } from './measure.ts';
import { readProcessorTime } from './processor-time.ts';

/**
 * From a Hugging Face repository (and an adapter) to a quantised GGUF, against llama-quantize alone on the same weights
 * (LLAMA_QUANTIZE names it). Processor seconds, because that is what a busy machine cannot blur beyond use. One round runs
 * everything that is compared; about eight minutes on two quiet cores, 4 GB in BENCH_FOLDER.
 */
interface RunResult {
  sha256: string;
  unitsConverted: number;
  unitsFoundDone: number;
  peakMiB: number;
  processorSeconds: number;
  /** What was written that is not the result. */
  besideBytes: number;
  seconds: number;
}

interface RunOptions {
  shape: BenchShape;
  quantisation: string;
  output: string;
  workers: number;
  withAdapter?: boolean;
  /** As from a server: in order, hashed, no file to read from. */
  isStreamed?: boolean;
  /** Kills the process without warning when this part of the weights is done. */
  killAt?: number;
}

const program = fileURLToPath(new URL('convert-run.ts', import.meta.url));
const peer = process.env['LLAMA_QUANTIZE'];
const wantedRounds = Math.max(5, Number(process.env['BENCH_ROUNDS'] ?? 5));
const plain = { shape: '1.1b', quantisation: 'q4_k_m', output: 'ours.gguf' } as const;
const megabytes = (mebibytes: number): number => mebibytes * 1.048576;

async function runOnce(options: RunOptions): Promise<RunResult | undefined> {
  const { quantisation, workers } = options;
  const adapter = options.withAdapter ? await benchAdapter(options.shape) : '';
  const base = await benchRepository(options.shape);
  const kind = options.isStreamed ? 'streamed' : 'local';
  const words = [base, quantisation, benchOutput(options.output), String(workers), adapter, kind];
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let result: RunResult | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Partial<RunResult> & { done?: number };
    if (options.killAt !== undefined && (said.done ?? 0) >= options.killAt) child.kill('SIGKILL');
    if (said.sha256 !== undefined) result = said as RunResult;
  }
  return result;
}

async function finish(options: RunOptions): Promise<RunResult> {
  const result = await runOnce(options);
  if (!result) throw new Error('the conversion did not finish');
  return result;
}

/** Processor seconds of llama-quantize, threads as many as ours. */
async function peerSeconds(input: string): Promise<number> {
  const before = readProcessorTime().ownSeconds;
  const output = benchOutput('peer.gguf');
  await new Promise<void>((resolve, reject) => {
    const child = spawn(peer ?? '', [input, output, 'Q4_K_M', '2'], { stdio: 'ignore' });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`llama-quantize ended with ${code}`)),
    );
  });
  await rm(output, { force: true });
  return readProcessorTime().ownSeconds - before;
}

type Rounds = readonly Round<RunResult>[];

function valuesOf(rounds: Rounds, value: (result: RunResult) => number): Round[] {
  return rounds.map((round) => ({ foreign: round.foreign, value: value(round.value) }));
}

/** Everything that is compared, in turns: the peer, ours with the adapter, ours without, and ours with one worker. */
async function compare(context: BenchContext): Promise<void> {
  const input = benchOutput('f16.gguf');
  if (peer === undefined) context.log('LLAMA_QUANTIZE names no peer; the rows against it are left out');
  else await finish({ ...plain, quantisation: 'f16', output: 'f16.gguf', workers: 2 });
  const turns: Record<string, () => Promise<RunResult>> = {
    merged: () => finish({ ...plain, workers: 2, withAdapter: true }),
    two: () => finish({ ...plain, workers: 2 }),
    one: () => finish({ ...plain, workers: 1 }),
    ...(peer === undefined ? {} : { peer: () => peerRun(input) }),
  };
  const { merged = [], two = [], one = [], peer: theirs } = await inTurns(turns, wantedRounds);
  if (theirs) {
    reportPeer(context, ' + r=64 adapter', 0.6, { ours: merged, peer: theirs });
    reportPeer(context, '', 0.4, { ours: two, peer: theirs });
  }
  context.report(
    pairRow({
      name: '1.1 B to q4_k_m from local disk, 1 worker against 2',
      unit: 's',
      ours: valuesOf(one, ({ seconds }) => seconds),
      peer: valuesOf(two, ({ seconds }) => seconds),
      goal: '≥ 1.6 ×',
      isReached: (ratio) => ratio >= 1.6,
    }),
  );
  reportMemory(context, '1.1b + r=64 adapter to q4_k_m', merged);
  for (const name of ['f16.gguf', plain.output]) await rm(benchOutput(name), { force: true });
}

/** The peer as a run of ours looks; only its processor time is known. */
async function peerRun(input: string): Promise<RunResult> {
  const processorSeconds = await peerSeconds(input);
  const none = { unitsConverted: 0, unitsFoundDone: 0, peakMiB: 0, besideBytes: 0, seconds: 0 };
  return { sha256: '', ...none, processorSeconds };
}

function reportPeer(
  context: BenchContext,
  what: string,
  limit: number,
  { ours, peer: theirs }: { ours: Rounds; peer: Rounds },
): void {
  context.report(
    pairRow({
      name: `1.1 B f16${what} to q4_k_m, everything`,
      unit: 'CPU s',
      ours: valuesOf(ours, ({ processorSeconds }) => processorSeconds),
      peer: valuesOf(theirs, ({ processorSeconds }) => processorSeconds),
      goal: `≤ ${limit} × llama-quantize alone`,
      isReached: (ratio) => ratio <= limit,
    }),
  );
}

function reportMemory(context: BenchContext, what: string, rounds: Rounds): void {
  context.report(
    singleRow({
      name: `peak memory, ${what}, 2 workers`,
      unit: 'MB',
      rounds: valuesOf(rounds, ({ peakMiB }) => megabytes(peakMiB)),
      goal: '≤ 400 MB',
      isReached: ({ high }) => high <= 400,
    }),
  );
}

async function memory(context: BenchContext): Promise<void> {
  const output = 'memory.gguf';
  const options: RunOptions = { shape: '7b', quantisation: 'q4_0', output, workers: 2, withAdapter: true };
  reportMemory(context, '7b + r=64 adapter to q4_0', [await watched(() => finish(options))]);
  await rm(benchOutput(output), { force: true });
}

/** Streamed, as a pull does it: killed at 40 %, taken up again, and what was written beside the result. */
async function resume(context: BenchContext): Promise<void> {
  const options: RunOptions = { ...plain, workers: 2, isStreamed: true };
  const whole = await watched(() => finish({ ...options, output: 'whole.gguf' }));
  const killed = { ...options, output: 'killed.gguf' };
  const twice = await watched(async () => {
    await runOnce({ ...killed, killAt: 0.4 });
    const rest = await finish(killed);
    if (rest.sha256 !== whole.value.sha256 || rest.unitsFoundDone === 0) return Number.NaN;
    return rest.unitsConverted + rest.unitsFoundDone - whole.value.unitsConverted;
  });
  context.report(
    singleRow({
      name: 'kill -9 at 40 %, then resume: units quantised twice, and the same sha256',
      unit: 'units',
      rounds: [twice],
      goal: '0, identical',
      isReached: ({ high }) => high === 0,
      note: 'a unit counts as done when its line is in the journal; at most the units that were at work begin again',
    }),
  );
  context.report(
    singleRow({
      name: 'bytes written beside the result when 2.2 GB of base weights are streamed',
      unit: 'MB',
      rounds: valuesOf([whole], ({ besideBytes }) => besideBytes / 1e6),
      goal: '0 of the weights',
      isReached: ({ high }) => high < 5,
      note: 'all that the process wrote, less the result: the journal, the header a second time, and its own words',
    }),
  );
  for (const name of ['whole.gguf', 'killed.gguf']) await rm(benchOutput(name), { force: true });
}

const parts = { compare, memory, resume };

export async function run(context: BenchContext): Promise<void> {
  for (const [name, part] of Object.entries(parts))
    if (context.only.length === 0 || context.only.includes(name)) await part(context);
}
