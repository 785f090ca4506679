import { defineConfig } from 'vitest/config';
import { nodeFlags } from './bin/runtime.mjs';

/** What is waited for comes at once on an idle machine; on a busy one it may take its time. */
const poll = { timeout: 15_000 };

export default defineConfig({
  test: {
    // Two cores are the machine we plan for; more workers only make timing worse.
    maxWorkers: 2,
    execArgv: nodeFlags,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['app/src/**/*.test.ts', 'scripts/**/*.test.ts', 'bin/**/*.test.ts'],
          expect: { poll },
        },
      },
      { extends: true, test: { name: 'web', include: ['web/src/**/*.test.{ts,tsx}'] } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['app/test/**/*.test.ts'],
          testTimeout: 120_000,
          expect: { poll },
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['app/test/**/*.faults.ts'],
          testTimeout: 600_000,
          expect: { poll },
          fileParallelism: false,
        },
      },
    ],
  },
});
