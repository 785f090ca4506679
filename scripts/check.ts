/**
 * The gate: every guard that needs no running server. `npm run check` runs all of them side by side and prints
 * one line each; `npm run check -- types lint` runs only those named.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';

interface Guard {
  name: string;
  command: string[];
}

interface Outcome {
  guard: Guard;
  ok: boolean;
  output: string;
  seconds: number;
}

const binaries = 'node_modules/.bin/';
const guards: Guard[] = [
  { name: 'lint', command: [`${binaries}oxlint`, '--deny-warnings'] },
  { name: 'layers', command: [process.execPath, 'scripts/check-layers.ts'] },
  { name: 'types of app', command: [`${binaries}tsc`, '-p', 'app'] },
  { name: 'types of web', command: [`${binaries}tsc`, '-p', 'web'] },
  { name: 'types of scripts', command: [`${binaries}tsc`, '-p', '.'] },
  {
    name: 'dead code',
    command: [`${binaries}knip`, '--no-progress', '--no-config-hints'],
  },
  { name: 'format', command: [`${binaries}oxfmt`, '--check', '.'] },
  { name: 'documents', command: [process.execPath, 'scripts/documents.ts'] },
  { name: 'commands in documents', command: [process.execPath, 'scripts/documented-commands.ts'] },
  { name: 'strings', command: [process.execPath, 'scripts/strings.ts'] },
  { name: 'shape', command: [process.execPath, 'scripts/shape.ts', '--explained'] },
  { name: 'dependencies', command: [process.execPath, 'scripts/dependencies.ts'] },
  { name: 'kernels', command: [process.execPath, 'scripts/check-kernels.ts'] },
];

function run(guard: Guard): Promise<Outcome> {
  const started = performance.now();
  const [command, ...parameters] = guard.command as [string, ...string[]];
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const finish = (ok: boolean): void =>
      resolve({ guard, ok, output, seconds: (performance.now() - started) / 1000 });
    child.on('error', (error) => {
      output += String(error);
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

function report(outcome: Outcome): void {
  const mark = outcome.ok ? 'ok  ' : 'FAIL';
  console.log(`${mark} ${outcome.guard.name.padEnd(22)} ${outcome.seconds.toFixed(1).padStart(5)} s`);
  if (!outcome.ok) console.log(outcome.output.trimEnd());
}

async function worker(queue: Guard[], outcomes: Outcome[]): Promise<void> {
  for (let guard = queue.shift(); guard; guard = queue.shift()) {
    const outcome = await run(guard);
    outcomes.push(outcome);
    report(outcome);
  }
}

const wanted = process.argv.slice(2);
const chosen =
  wanted.length === 0 ? guards : guards.filter((guard) => wanted.some((word) => guard.name.includes(word)));
if (chosen.length === 0) {
  console.error(
    `no guard is named ${wanted.join(', ')}; there are: ${guards.map((guard) => guard.name).join(', ')}`,
  );
  process.exit(64);
}
const outcomes: Outcome[] = [];
const queue = [...chosen];
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, () => worker(queue, outcomes)));
const failed = outcomes.filter((outcome) => !outcome.ok).length;
const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
console.log(`corral ${version}: ${outcomes.length - failed} guards passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
