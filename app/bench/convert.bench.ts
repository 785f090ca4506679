import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BenchContext } from './bench.ts';
import { benchAdapter, benchOutput, benchRepository, type BenchShape } from './convert-models.ts';
import { pair, single } from './measure.ts';
import { readProcessorTime } from './processor-time.ts';

/**
 * From a Hugging Face repository (and an adapter) to a quantised GGUF, against llama-quantize alone on the same weights
 * (LLAMA_QUANTIZE names it). Processor seconds, because that is what a busy machine cannot blur beyond use.
 */
interface RunResult {
  sha256: string;
  unitsConverted: number;
  unitsFoundDone: number;
  peakMiB: number;
  processorSeconds: number;
}

interface RunOptions {
  shape: BenchShape;
  quantisation: string;
  output: string;
  workers: number;
  withAdapter?: boolean;
  /** Kills the process without warning when this part of the weights is done. */
  killAt?: number;
}

const program = fileURLToPath(new URL('convert-run.ts', import.meta.url));
const peer = process.env['LLAMA_QUANTIZE'];
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);

async function runOnce(options: RunOptions): Promise<RunResult | undefined> {
  const adapter = options.withAdapter ? await benchAdapter(options.shape) : '';
  const base = await benchRepository(options.shape);
  const output = benchOutput(options.output);
  const child = spawn(
    process.execPath,
    [program, base, options.quantisation, output, String(options.workers), adapter],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
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

async function againstPeer(context: BenchContext): Promise<void> {
  if (peer === undefined) {
    context.log('LLAMA_QUANTIZE names no peer; that part is left out');
    return;
  }
  const input = benchOutput('f16.gguf');
  await finish({ shape: '1.1b', quantisation: 'f16', output: 'f16.gguf', workers: 2 });
  for (const withAdapter of [true, false]) {
    const limit = withAdapter ? 0.6 : 0.4;
    const ours = async (): Promise<number> => {
      const output = 'ours.gguf';
      const done = await finish({ shape: '1.1b', quantisation: 'q4_k_m', output, workers: 2, withAdapter });
      return done.processorSeconds;
    };
    context.report(
      await pair({
        name: `1.1 B f16${withAdapter ? ' + r=64 adapter' : ''} to q4_k_m, everything`,
        unit: 'CPU s',
        rounds,
        ours,
        peer: () => peerSeconds(input),
        goal: `≤ ${limit} × llama-quantize alone`,
        isReached: (ratio) => ratio <= limit,
      }),
    );
  }
  await rm(input, { force: true });
}

async function memory(context: BenchContext): Promise<void> {
  for (const [shape, quantisation] of [
    ['1.1b', 'q4_k_m'],
    ['7b', 'q4_0'],
  ] as const)
    context.report(
      await single({
        name: `peak memory, ${shape} + r=64 adapter to ${quantisation}, 2 workers`,
        unit: 'MiB',
        rounds: 1,
        measure: async () => {
          const output = 'memory.gguf';
          const { peakMiB } = await finish({ shape, quantisation, output, workers: 2, withAdapter: true });
          await rm(benchOutput(output), { force: true });
          return peakMiB;
        },
        goal: '≤ 400 MB',
        isReached: ({ high }) => high * 1.048576 <= 400,
      }),
    );
}

async function resume(context: BenchContext): Promise<void> {
  const options: RunOptions = { shape: '1.1b', quantisation: 'q4_k_m', output: 'whole.gguf', workers: 2 };
  const whole = await finish(options);
  context.report(
    await single({
      name: 'kill -9 at 40 %, then resume: units quantised twice, and the same sha256',
      unit: 'units',
      rounds: 1,
      measure: async () => {
        const killed = { ...options, output: 'killed.gguf' };
        await runOnce({ ...killed, killAt: 0.4 });
        const rest = await finish(killed);
        if (rest.sha256 !== whole.sha256 || rest.unitsFoundDone === 0) return Number.NaN;
        return rest.unitsConverted + rest.unitsFoundDone - whole.unitsConverted;
      },
      goal: '0, identical',
      isReached: ({ high }) => high === 0,
      note: 'a unit counts as done when its line is in the journal; at most the units that were at work begin again',
    }),
  );
  for (const name of ['whole.gguf', 'killed.gguf']) await rm(benchOutput(name), { force: true });
}

async function scaling(context: BenchContext): Promise<void> {
  const seconds = async (workers: number): Promise<number> => {
    const started = performance.now();
    await finish({ shape: '1.1b', quantisation: 'q4_k_m', output: `workers-${workers}.gguf`, workers });
    return (performance.now() - started) / 1000;
  };
  context.report(
    await pair({
      name: '1.1 B to q4_k_m from local disk, 1 worker against 2',
      unit: 's',
      rounds,
      ours: () => seconds(1),
      peer: () => seconds(2),
      goal: '≥ 1.6 ×',
      isReached: (ratio) => ratio >= 1.6,
    }),
  );
  for (const workers of [1, 2]) await rm(benchOutput(`workers-${workers}.gguf`), { force: true });
}

const parts = { peer: againstPeer, memory, resume, scaling };

export async function run(context: BenchContext): Promise<void> {
  for (const [name, part] of Object.entries(parts))
    if (context.only.length === 0 || context.only.includes(name)) await part(context);
}
