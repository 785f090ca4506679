import type { ShownJob } from '@corral/app/contracts/api/jobs';
import { expect, test } from 'vitest';
import { progressText } from './progress-text.ts';

const progress = {
  type: 'progress',
  phase: 'download',
  doneBytes: 1.2e9,
  totalBytes: 4.1e9,
  bytesPerSecond: 20e6,
  etaSeconds: 180,
};
const job = (change: Partial<ShownJob>): ShownJob => ({
  id: '00000000-0000-7000-8000-000000000001',
  kind: 'pull',
  payload: { reference: 'owner/name' },
  state: 'working',
  attempts: 1,
  progress,
  error: null,
  createdAt: 0,
  finishedAt: null,
  ...change,
});

test('a pull at work says what it does, how fast and how long still', () => {
  expect(progressText(job({}))).toBe('Downloading 1.2 GB / 4.1 GB, 20 MB/s, 3 min left');
  const slow = { ...progress, bytesPerSecond: 0, etaSeconds: null };
  expect(progressText(job({ progress: slow }))).toBe('Downloading 1.2 GB / 4.1 GB');
});

test.each([
  ['cancelled', 'Paused'],
  ['failed', 'Failed'],
  ['waiting', 'Waiting'],
] as const)('one that is %s says so, and neither speed nor time left', (state, word) => {
  expect(progressText(job({ state }))).toBe(`${word}, 1.2 GB / 4.1 GB`);
  expect(progressText(job({ state, progress: null }))).toBe(word);
});
