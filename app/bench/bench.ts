/**
 * `npm run bench` runs every `*.bench.ts` beside this file, `npm run bench -- engine store` those named. Each exports
 * `run`, which returns rows; they are printed and kept in results/. Peers are named by the environment, see the files.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foreignLimit, type BenchRow, type Spread } from './measure.ts';

export interface BenchModule {
  /** `report` prints and keeps a row as soon as it is known; parts named on the command line after a colon come in `only`. */
  run(context: BenchContext): Promise<void>;
}

export interface BenchContext {
  /** `npm run bench -- engine:cancel,restart`: these parts only; empty: all. */
  only: readonly string[];
  report(row: BenchRow): void;
  log(text: string): void;
}

const startedAt = new Date().toISOString();
const here = fileURLToPath(new URL('.', import.meta.url));
const ending = '.bench.ts';
const known = readdirSync(here)
  .filter((file) => file.endsWith(ending))
  .map((file) => file.slice(0, -ending.length));

const requested = process.argv.slice(2).map((word) => {
  const [name = '', parts = ''] = word.split(':');
  return { name, only: parts.split(',').filter((part) => part !== '') };
});
const chosen = requested.length > 0 ? requested : known.map((name) => ({ name, only: [] as string[] }));
const unknown = chosen.filter(({ name }) => !known.includes(name));
if (unknown.length > 0) {
  console.error(
    `no bench is named ${unknown.map(({ name }) => name).join(', ')}; there are: ${known.join(', ')}`,
  );
  process.exit(64);
}

for (const { name, only } of chosen) {
  const rows: BenchRow[] = [];
  console.log(`# ${name}`);
  const bench = (await import(new URL(`${name}${ending}`, import.meta.url).href)) as BenchModule;
  await bench.run({
    only,
    log: (text) => console.log(`  ${text}`),
    report: (row) => {
      rows.push(row);
      console.log(describe(row));
      keep(name, rows);
    },
  });
}

// docs/performance.md shows what is kept.
spawnSync(process.execPath, [join(here, '../../scripts/documents.ts'), '--write'], {
  cwd: join(here, '../..'),
  stdio: 'inherit',
});

/** A run of some parts replaces their rows and keeps the others, each with the time it was measured. */
function keep(name: string, rows: readonly BenchRow[]): void {
  const machine = {
    processor: cpus()[0]?.model.trim(),
    cores: cpus().length,
    architecture: arch(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
  const path = join(here, 'results', `${name}.json`);
  const fresh = rows.map((row) => ({ ...row, at: startedAt }));
  const earlier = readRows(path).filter((row) => fresh.every((one) => one.name !== row.name));
  mkdirSync(join(here, 'results'), { recursive: true });
  writeFileSync(path, `${JSON.stringify({ machine, rows: [...earlier, ...fresh] }, null, 2)}\n`);
}

function readRows(path: string): BenchRow[] {
  if (!existsSync(path)) return [];
  return (JSON.parse(readFileSync(path, 'utf8')) as { rows: BenchRow[] }).rows;
}

function describe(row: BenchRow): string {
  const peer = row.peer ? ` against ${format(row.peer)}` : '';
  const foreign = `others took ${Math.round(row.foreign * 100)} % of a core`;
  const isTooBusy = row.peer !== undefined && row.ratio === undefined;
  const ratio = row.ratio === undefined ? '' : `, ratio ${row.ratio.toFixed(3)}`;
  const refused = isTooBusy ? `, no ratio: more than ${foreignLimit * 100} % is too much` : '';
  const verdict = row.isReached === null ? '' : row.isReached ? ' · reached' : ' · NOT reached';
  const note = row.note === undefined ? '' : `\n    ${row.note}`;
  return (
    `  ${row.name}: ${format(row.ours)}${peer} ${row.unit}${ratio} (goal ${row.goal}${verdict}; ` +
    `${row.rounds} rounds, ${foreign}${refused})${note}`
  );
}

function format({ median, low, high }: Spread): string {
  const digits = Math.abs(median) >= 100 ? 0 : Math.abs(median) >= 10 ? 1 : 3;
  return `${median.toFixed(digits)} [${low.toFixed(digits)}…${high.toFixed(digits)}]`;
}
