import { describe, expect, test } from 'vitest';
import { cleanTitle, titleFromWords } from './titles.ts';

describe('titles', () => {
  test.each([
    ['"A herd on the hill"', 'A herd on the hill'],
    ['Title: **Rain in spring**\nMore words', 'Rain in spring'],
    ['\n\n  Grüße aus Köln.  ', 'Grüße aus Köln'],
    ['**Title:** Gates', 'Gates'],
    ['# Title: Gates', 'Gates'],
    ['"Title: Gates"', 'Gates'],
    ['Sure! Here is a title:\n\nGates', 'Gates'],
    ['<think>\n\n</think>\n\nGates', 'Gates'],
    ['<think>\nOkay, they want a title', null],
    ['', null],
    ['...', null],
    ['broken \ufffd bytes', null],
    ['one two three four five six seven eight nine ten eleven twelve thirteen', null],
  ])('%j', (said, expected) => {
    expect(cleanTitle(said)).toBe(expected);
  });

  test('words of the person stand in, cut at a word and never inside a character', () => {
    expect(titleFromWords('  How do\nI mend a gate?  ')).toBe('How do I mend a gate?');
    const long = titleFromWords('Please tell me everything there is to know about gates and their hinges');
    expect(long.length).toBeLessThanOrEqual(60);
    expect(long.endsWith('…')).toBe(true);
    expect(titleFromWords('🐂'.repeat(80)).isWellFormed()).toBe(true);
  });
});
