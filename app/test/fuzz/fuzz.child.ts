/**
 * One target after the other, each in a thread with little memory, watched by this process: `node fuzz.child.ts SECONDS
 * SEED TARGET…`. Prints one JSON line for each. The thread says what it is about to parse before it does, so that an
 * input that never comes back is known.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as fc from 'fast-check';
import { AppError } from '../../src/contracts/app-error.ts';
import { mutations } from './mutation.ts';
import { targets } from './targets.ts';

/** What the watched thread says at its end. */
export interface FuzzReport {
  target: string;
  inputs: number;
  accepted: number;
  slowestMs: number;
  growthMb: number;
  /** Null: nothing was found. */
  problem: string | null;
  /** Where the input that did it is kept. */
  kept: string | null;
}

interface Task {
  target: string;
  seconds: number;
  seed: number;
  shared: SharedArrayBuffer;
}

/**
 * Of the clock; an input that works all the time has as much of the processor instead, so that a busy machine is not
 * taken for a hang: on an idle one the two are the same.
 */
const hangMs = 5_000;
/** Less of the processor than this share is not work. */
const leastShare = 0.05;
const mostGrowthMb = 64;
const megabyte = 1024 * 1024;
const mostInputBytes = 4 * megabyte;
/** Growth counts from when code and caches are warm. */
const warmInputs = 500;
const lotSize = 20;
/** Errors that were thrown and caught are garbage that V8 lets lie; it is not what grows. */
const collectEveryMs = 200;
const corpus = join(import.meta.dirname, 'corpus');

/** At the front of the shared memory: how many inputs were begun, and how long the one at hand is. */
const header = 8;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Parses one input; true where it was taken. Anything but an AppError is a find. */
async function accepts(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): Promise<boolean> {
  try {
    await parse(bytes);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

async function fuzz({ target: name, seconds, seed, shared }: Task): Promise<void> {
  const target = targets[name]?.();
  if (!target) throw new Error(`there is no target ${name}`);
  const state = new Int32Array(shared, 0, 2);
  const window = new Uint8Array(shared, header);
  let accepted = 0;
  let slowestMs = 0;
  const run = async (bytes: Uint8Array): Promise<void> => {
    window.set(bytes.subarray(0, mostInputBytes));
    state[1] = Math.min(bytes.length, mostInputBytes);
    Atomics.add(state, 0, 1);
    const began = performance.now();
    if (await accepts(target.parse, bytes)) accepted++;
    slowestMs = Math.max(slowestMs, performance.now() - began);
  };
  const seeds = await target.seeds();
  const folder = join(corpus, name);
  const kept = existsSync(folder) ? readdirSync(folder).map((file) => readFileSync(join(folder, file))) : [];
  for (const bytes of [...seeds, ...kept]) await run(bytes);
  const property = fc.asyncProperty(
    mutations({ seeds: [...seeds, ...kept], words: target.words ?? [''] }),
    run,
  );
  const end = performance.now() + seconds * 1000;
  let collectedAt = performance.now();
  // In small lots, so that the time is kept also where one input takes a second.
  for (let lot = 0; lot === 0 || performance.now() < end; lot++) {
    await fc.assert(property, { seed: seed + lot, numRuns: lotSize });
    if (performance.now() - collectedAt < collectEveryMs) continue;
    collectGarbage();
    collectedAt = performance.now();
  }
  await target.close?.();
  collectGarbage();
  parentPort?.postMessage({ accepted, slowestMs });
}

/** The input at hand, kept where the next run begins with it. */
function keep(target: string, shared: SharedArrayBuffer): string {
  const [, length = 0] = new Int32Array(shared, 0, 2);
  const bytes = Buffer.from(new Uint8Array(shared, header, length));
  const folder = join(corpus, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  writeFileSync(file, bytes);
  return file;
}

function moment(): { cpuMs: number; wallMs: number } {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() };
}

function isHang(since: ReturnType<typeof moment>, now: ReturnType<typeof moment>): boolean {
  const [cpuMs, wallMs] = [now.cpuMs - since.cpuMs, now.wallMs - since.wallMs];
  return cpuMs > hangMs || (wallMs > hangMs && cpuMs < wallMs * leastShare);
}

function watch(task: Task): Promise<FuzzReport> {
  const state = new Int32Array(task.shared, 0, 2);
  const worker = new Worker(new URL(import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 },
  });
  let begun = 0;
  let since = moment();
  let baseline = Number.POSITIVE_INFINITY;
  let growth = 0;
  let outcome = { accepted: 0, slowestMs: 0 };
  let problem: string | null = null;
  const grow = (verb: string): void => {
    const now = process.memoryUsage.rss() - baseline;
    growth = Math.max(growth, now);
    if (now > mostGrowthMb * megabyte) problem ??= `memory ${verb} by ${Math.round(now / megabyte)} MB`;
  };
  return new Promise((resolve) => {
    const look = setInterval(() => {
      const now = Atomics.load(state, 0);
      const spent = moment();
      if (now !== begun) [begun, since] = [now, spent];
      else if (begun > 0 && isHang(since, spent)) problem ??= `no end after ${hangMs} ms`;
      if (begun > warmInputs) baseline = Math.min(baseline, process.memoryUsage.rss());
      grow('grew');
      if (problem !== null) void worker.terminate();
    }, 100);
    worker.on('message', (message: typeof outcome) => {
      outcome = message;
      grow('stayed larger');
    });
    worker.on('error', (error: Error) => (problem ??= String(error.stack)));
    worker.on('exit', () => {
      clearInterval(look);
      resolve({
        target: task.target,
        inputs: Atomics.load(state, 0),
        ...outcome,
        growthMb: Math.round(growth / megabyte),
        problem,
        kept: problem === null ? null : keep(task.target, task.shared),
      });
    });
  });
}

if (isMainThread) {
  const [seconds = '5', seed = '1', ...chosen] = process.argv.slice(2);
  for (const target of chosen.length > 0 ? chosen : Object.keys(targets)) {
    const shared = new SharedArrayBuffer(header + mostInputBytes);
    const report = await watch({ target, seconds: Number(seconds), seed: Number(seed), shared });
    console.log(JSON.stringify(report));
  }
} else {
  await fuzz(workerData as Task);
}
