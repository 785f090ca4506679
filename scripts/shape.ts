/**
 * `npm run shape`: how large and how intricate files and functions are, folder by folder, and the worst ten of each kind.
 * The linter measures, with its limits at nothing, so that these are the very numbers that `npm run check` bounds.
 * `--explained` prints nothing of it, but what stands near a bound and not in docs/architecture.md, and the other way round.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = ['app/src', 'web/src', 'scripts', 'bin'];
const worst = 10;
/** A tenth below the bounds of .oxlintrc.json; of ways, the bound itself. */
const near: Record<Measure['kind'], number> = { file: 270, lines: 54, complexity: 12 };
const rules = {
  'max-lines': ['error', { max: 0, skipComments: true, skipBlankLines: true }],
  'max-lines-per-function': ['error', { max: 0, skipComments: true, skipBlankLines: true }],
  complexity: ['error', { max: 0 }],
};

interface Diagnostic {
  code: string;
  message: string;
  filename: string;
  labels: { span: { line: number } }[];
}

interface Measure {
  kind: 'file' | 'lines' | 'complexity';
  file: string;
  name: string;
  line: number;
  value: number;
}

/** Each measure has its number in the sentence: `… too many lines (12).`, `… a complexity of 4.` */
const kinds: Record<string, [Measure['kind'], RegExp]> = {
  'eslint(max-lines)': ['file', /\((\d+)\)/],
  'eslint(max-lines-per-function)': ['lines', /\((\d+)\)/],
  'eslint(complexity)': ['complexity', /complexity of (\d+)/],
};

function measure(): Measure[] {
  const scratch = mkdtempSync(join(tmpdir(), 'corral-shape-'));
  const config = join(scratch, 'shape.json');
  writeFileSync(config, JSON.stringify({ plugins: [], categories: { correctness: 'off' }, rules }));
  const parameters = ['-c', config, '-f', 'json', ...folders];
  const options = { encoding: 'utf8' as const, maxBuffer: 256 * 1024 * 1024 };
  try {
    return measuresOf(execFileSync('node_modules/.bin/oxlint', parameters, options));
  } catch (error) {
    // Limits of nothing are passed by everything, so it always ends as failed.
    const { stdout } = error as { stdout?: string };
    if (!stdout) throw error;
    return measuresOf(stdout);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function measuresOf(output: string): Measure[] {
  const { diagnostics } = JSON.parse(output) as { diagnostics: Diagnostic[] };
  return diagnostics.map(({ code, message, filename, labels }) => {
    const [kind, number] = kinds[code] ?? [];
    const value = Number(number?.exec(message)?.[1]);
    if (!kind || Number.isNaN(value)) throw new Error(`not a measure: ${code} ${message}`);
    const name = /`([^`]*)`/.exec(message)?.[1] ?? 'a function without a name';
    return { kind, file: filename, name, line: labels[0]?.span.line ?? 0, value };
  });
}

const isTest = (file: string): boolean => /\.(test|contract)\.tsx?$|\/contract\//.test(file);
const folderOf = (file: string): string => file.split('/').slice(0, -1).slice(0, 3).join('/');
const largest = (measures: readonly Measure[]): number => Math.max(0, ...measures.map(({ value }) => value));

function middle(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

function printTable(measures: readonly Measure[]): void {
  const titles = ['files', 'lines', 'largest', 'functions', 'median', 'longest', 'most complex'];
  console.log(['folder'.padEnd(24), ...titles.map((title) => title.padStart(14))].join(''));
  for (const folder of [...new Set(measures.map(({ file }) => folderOf(file)))].sort()) {
    const of = (kind: Measure['kind']) =>
      measures.filter((measure) => measure.kind === kind && folderOf(measure.file) === folder);
    const [files, lines, complexities] = [of('file'), of('lines'), of('complexity')];
    const numbers = [
      files.length,
      files.reduce((sum, { value }) => sum + value, 0),
      largest(files),
      lines.length,
      middle(lines.map(({ value }) => value)),
      largest(lines),
      largest(complexities),
    ];
    console.log([folder.padEnd(24), ...numbers.map((number) => String(number).padStart(14))].join(''));
  }
}

function printWorst(title: string, measures: readonly Measure[]): void {
  console.log(`\n${title}`);
  const sorted = measures.toSorted((one, other) => other.value - one.value).slice(0, worst);
  for (const { file, name, line, kind, value } of sorted) {
    console.log(`${String(value).padStart(6)}  ${file}${kind === 'file' ? '' : `:${line} ${name}`}`);
  }
}

/** What is near a bound is explained by name, and nothing else is. */
function badlyExplained(measures: readonly Measure[]): string[] {
  const path = 'docs/architecture.md';
  const section = readFileSync(path, 'utf8')
    .split('\n## ')
    .find((part) => part.startsWith('Size and shape'));
  const rows = section?.split('\n').filter((line) => line.startsWith('| `')) ?? [];
  const names = (row: string): string[] =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
  const explained = new Set(rows.flatMap(names));
  const standing = measures.filter(({ kind, value }) => value >= near[kind]);
  const wanted = new Set(
    standing.map(({ kind, file, name }) => (kind === 'file' ? file.replace('app/src/', '') : name)),
  );
  return [
    ...[...wanted].filter((name) => !explained.has(name)).map((name) => `${path} does not explain ${name}`),
    ...[...explained]
      .filter((name) => !wanted.has(name))
      .map((name) => `${path} explains ${name}, which is near no bound`),
  ];
}

function printAll(measures: readonly Measure[]): void {
  const of = (kind: Measure['kind']): Measure[] => measures.filter((measure) => measure.kind === kind);
  printTable(measures);
  printWorst('largest files, in lines of code', of('file'));
  printWorst('longest functions, in lines of code', of('lines'));
  printWorst('most complex functions, in ways through them', of('complexity'));
}

const all = measure().filter(({ file }) => !isTest(file));
if (process.argv.includes('--explained')) {
  const problems = badlyExplained(all);
  for (const problem of problems) console.error(problem);
  process.exit(problems.length > 0 ? 1 : 0);
}
printAll(all);
