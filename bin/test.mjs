// `npm test [FILTER]…`: installs the rest, builds the page and runs every test, or those whose path holds a filter.
// `npm run test:faults` runs what takes longer or needs tools that not every machine has.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { runChild } from './child.mjs';
import { ensureInstalled } from './install.mjs';
import { ensurePageBuilt } from './page.mjs';
import { nodeFlags, rightNode, root } from './runtime.mjs';

/** @typedef {{ name: string, startTime: number, endTime: number, assertionResults: { status: string }[] }} FileResult */

/** The part of the tree that a test file belongs to: `app/src/engine`, `app/test/cli`, `web/src`. @param {string} file */
const suiteOf = (file) =>
  relative(root, file)
    .split(sep)
    .slice(0, 3)
    .filter((part) => !part.includes('.'))
    .join('/');

/** @param {FileResult[]} results */
function printSuites(results) {
  /** @type {Map<string, { tests: number, seconds: number }>} */
  const suites = new Map();
  for (const { name, startTime, endTime, assertionResults } of results) {
    const suite = suites.get(suiteOf(name)) ?? { tests: 0, seconds: 0 };
    suite.tests += assertionResults.length;
    suite.seconds += Math.max(0, endTime - startTime) / 1000;
    suites.set(suiteOf(name), suite);
  }
  console.log('suite                         tests  seconds');
  for (const [name, { tests, seconds }] of [...suites].sort()) {
    console.log(`${name.padEnd(28)} ${String(tests).padStart(6)} ${seconds.toFixed(1).padStart(8)}`);
  }
}

/** Test files of the tree that took no part: every one belongs to a project. @param {FileResult[]} results */
function leftOut(results) {
  const ran = new Set(results.map(({ name }) => relative(root, name)));
  return ['app', 'web', 'scripts', 'bin']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, String(file))),
    )
    .filter((file) => /\.test\.tsx?$/.test(file) && !file.includes('node_modules') && !ran.has(file));
}

/** @param {{ testResults: FileResult[], numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number }} report */
function printSummary(report) {
  printSuites(report.testResults);
  const skipped = report.numPendingTests + report.numTodoTests;
  console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed, ${skipped} skipped`);
}

/** What `npm test` runs when no project is named. */
const projects = ['unit', 'web', 'e2e'].flatMap((name) => ['--project', name]);

const scratch = mkdtempSync(join(tmpdir(), 'corral-tests-'));
try {
  await ensureInstalled('all');
  await ensurePageBuilt();
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const report = join(scratch, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const parameters = process.argv.slice(2);
  const chosen = parameters.includes('--project') ? parameters : [...projects, ...parameters];
  const code = await runChild(rightNode(), [...nodeFlags, vitest, 'run', ...reporters, ...chosen]);
  const results = JSON.parse(readFileSync(report, 'utf8'));
  printSummary(results);
  process.exitCode = code;
  const missing = parameters.length > 0 ? [] : leftOut(results.testResults);
  for (const file of missing)
    process.stderr.write(`${file} was not run: vitest.config.ts has no project for it\n`);
  if (missing.length > 0) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 70;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
