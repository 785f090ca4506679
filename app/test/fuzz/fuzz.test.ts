import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { FuzzReport } from './fuzz.child.ts';
import { targets } from './targets.ts';

/** A minute in CI altogether; `FUZZ_SECONDS=600` gives each target so long, `FUZZ_SEED` repeats a run. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 4);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const child = join(import.meta.dirname, 'fuzz.child.ts');

/** Each in a process of its own, so that one that grows is not blamed on another. */
async function fuzz(target: string): Promise<FuzzReport> {
  const parameters = [child, String(seconds), String(seed), target];
  const { stdout } = await promisify(execFile)(process.execPath, parameters);
  return JSON.parse(stdout) as FuzzReport;
}

test.each(Object.keys(targets))(
  `%s (seed ${seed}): no crash, no input over 5 s, no growth over 64 MB`,
  { timeout: seconds * 1000 + 120_000 },
  async (target) => {
    const report = await fuzz(target);
    console.log(
      `${target}: ${report.inputs} inputs, ${report.accepted} taken, slowest ${Math.round(report.slowestMs)} ms, grew ${report.growthMb} MB`,
    );
    expect(report).toMatchObject({ problem: null, kept: null });
    // It did look: at sound inputs that are taken, and at others that are not.
    expect(report.accepted).toBeGreaterThan(0);
    expect(report.inputs).toBeGreaterThan(report.accepted);
  },
);
