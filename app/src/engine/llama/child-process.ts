import { spawn, type ChildProcess } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import type { Duplex } from 'node:stream';
import { AppError } from '../../contracts/app-error.ts';
import { createOutputTail, type OutputTail } from './output-tail.ts';
import { mainDescriptor, signalDescriptor } from './protocol.ts';

export interface EngineProcess {
  readonly pid: number;
  readonly main: Duplex;
  readonly signals: Duplex;
  readonly output: OutputTail;
  /** How it ended: by an exit code or by a signal. */
  readonly exited: Promise<ProcessExit>;
  kill(): void;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnOptions {
  entry: string;
  /** Words before the command of Node: what takes the network away. */
  isolation: readonly string[];
}

/**
 * Everything that a child gets of the environment; what the machine's operator set for this program (tokens, the
 * database) is not among it.
 */
const environment = {
  /** The library would call a debugger on itself before it aborts. */
  GGML_NO_BACKTRACE: '1',
  /** The C library otherwise keeps a heap for each thread, and what was freed: 15 MB. */
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
};

/** V8's own heap of a child; weights and KV are outside it. */
const heapMb = 768;

/** What the process still said is read within this time of its end. */
const lastWordsMs = 1000;

export function spawnEngineProcess({ entry, isolation }: SpawnOptions): EngineProcess {
  const words = [
    ...isolation,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    `--max-old-space-size=${heapMb}`,
    // A child makes little garbage, and a small nursery is collected faster than a token takes.
    '--max-semi-space-size=1',
    // Helpers of a collection would wait for cores that compute, and the collection for its helpers.
    '--single-threaded-gc',
    // `crashFlags` of bin/runtime.mjs, which code of the program does not import.
    '--no-memory-protection-keys',
    '--no-sparkplug',
    // What runs once a token would be compiled after seconds of answers; it is the same code from the first on. The
    // second compiler, which takes ten times as long, is not hastened: it would take cores from the first answers.
    '--invocation-count-for-maglev=10',
    // Nor does the first one wait for hundreds of calls after each new kind of value that such code has seen.
    '--minimum-invocations-after-ic-update=50',
    entry,
  ];
  // Without the cache the child compiles its sources anew: 30 MB and a quarter of a second.
  const cache = getCompileCacheDir();
  const child = spawn(words[0] ?? process.execPath, words.slice(1), {
    env: { ...environment, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('error', () => resolve({ code: 127, signal: null }));
    child.once('close', (code, signal) => resolve({ code, signal }));
    // Pipes close with the process unless something else holds them; it has gone all the same.
    child.once('exit', (code, signal) => setTimeout(() => resolve({ code, signal }), lastWordsMs));
  });
  const { pid } = child;
  if (pid === undefined) throw new AppError('engine-crashed', 'The engine process could not be started.');
  const main = descriptor(child, mainDescriptor);
  const signals = descriptor(child, signalDescriptor);
  // A pipe to a process that has just ended breaks; `exited` tells it.
  for (const pipe of [main, signals]) pipe.on('error', () => undefined);
  const output = createOutputTail();
  child.stdout?.on('data', output.push);
  child.stderr?.on('data', output.push);
  return { pid, main, signals, output, exited, kill: () => child.kill('SIGKILL') };
}

function descriptor(child: ChildProcess, index: number): Duplex {
  const pipe = child.stdio[index];
  if (!pipe) throw new AppError('internal', `The engine process has no descriptor ${index}.`);
  return pipe as Duplex;
}
