import { expect, test } from 'vitest';
import type { BenchRow } from '../app/bench/measure.ts';
import { performanceTable } from './performance-tables.ts';

const machine = { processor: 'some processor', cores: 2, memoryGiB: 8, kernel: '6.1', node: '24.0.0' };
const row: BenchRow = {
  name: 'nodes',
  unit: '',
  ours: { median: 2453, low: 2400, high: 2500 },
  goal: 'under 3000',
  isReached: true,
  rounds: 5,
  foreign: 0,
};
const cellsOf = (changes: Partial<BenchRow>): string[] =>
  performanceTable({ machine, rows: [{ ...row, ...changes }] })
    .split('\n')[2]!
    .split(' | ')
    .map((cell) => cell.replaceAll(/^\| | \|$/g, ''));

test('a figure stands with its unit and its spread; a count has none', () => {
  expect(cellsOf({ unit: 'ms' })[2]).toBe('2,453 ms (2,400 to 2,500)');
  expect(cellsOf({})[2]).toBe('2,453 (2,400 to 2,500)');
  expect(cellsOf({ ours: { median: 2453, low: 2453, high: 2453 } })[2]).toBe('2,453');
});

test('falling short is said, and so is what nothing can be said of', () => {
  expect(cellsOf({})[4]).toBe('reached');
  expect(cellsOf({ isReached: false })[4]).toBe('**not reached**');
  expect(cellsOf({ isReached: false, foreign: 0.5 })[4]).toBe(
    '**not reached**, while others took 50 % of a core',
  );
  expect(cellsOf({ isReached: null, peer: row.ours, foreign: 0.5 })[4]).toBe(
    'nothing: others took 50 % of a core',
  );
});
