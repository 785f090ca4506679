import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { FuzzReport } from './fuzz.child.ts';
import { mutations } from './mutation.ts';
import { targets } from './targets.ts';
import { nodeFlags } from '../../../bin/runtime.mjs';

/** A minute in CI altogether, always the same; `FUZZ_SECONDS=600` gives each target so long with a new seed, `FUZZ_SEED` repeats a run. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 4);
const seed = Number(process.env['FUZZ_SEED'] ?? (process.env['FUZZ_SECONDS'] ? Date.now() % 2 ** 31 : 2026));
const child = join(import.meta.dirname, 'fuzz.child.ts');

/** Each in a process of its own, so that one that grows is not blamed on another. */
async function fuzz(target: string): Promise<FuzzReport> {
  const parameters = [...nodeFlags, child, String(seconds), String(seed), target];
  const { stdout } = await promisify(execFile)(process.execPath, parameters);
  return JSON.parse(stdout) as FuzzReport;
}

// Two at once: what counts for one is its own processor time and memory.
vi.setConfig({ maxConcurrency: 2 });
test.concurrent.each(Object.keys(targets))(
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

test('mutation leaves the seed as it is, and damages it at any place', () => {
  const seed = Buffer.alloc(1000, 'a');
  const made = fc.sample(mutations({ seeds: [seed], words: ['word'] }), { numRuns: 2000, seed: 1 });
  expect(seed.equals(Buffer.alloc(1000, 'a'))).toBe(true);
  const places = made.map((bytes) => bytes.findIndex((byte) => byte !== 97)).filter((place) => place >= 0);
  for (const share of [0.02, 0.1, 0.3, 0.6, 0.9]) {
    expect(places.filter((place) => place < share * 1000).length).toBeGreaterThan(50);
    expect(places.filter((place) => place >= share * 1000).length).toBeGreaterThan(25);
  }
});
