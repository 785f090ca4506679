import { expect, test } from 'vitest';
import { doubtOf, doubts, percentText, rangeText, visible } from './confidence.ts';

test('a probability has as many digits as say something', () => {
  expect([1, 0.996, 0.99, 0.432, 0.0994, 0.0123, 0.0001, 0.00001].map(percentText)).toEqual([
    '> 99 %',
    '> 99 %',
    '99 %',
    '43 %',
    '9.9 %',
    '1.2 %',
    '0.01 %',
    '< 0.01 %',
  ]);
});

test('each shade is the one whose range names the probability', () => {
  expect([0.95, 0.9, 0.89, 0.31, 0.1, 0.05].map(doubtOf)).toEqual([0, 0, 1, 2, 3, 4]);
  expect(doubts.map(rangeText)).toEqual(['≥ 90 %', '60–90 %', '30–60 %', '10–30 %', '< 10 %']);
});

test('blanks of a token are seen', () => {
  expect(visible(' a\n\tb')).toBe('␣a↵⇥b');
});
