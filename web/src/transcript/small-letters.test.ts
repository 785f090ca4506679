import { expect, test } from 'vitest';
import { inSmallLetters } from './small-letters.ts';

test.each(['The SHEPHERD', 'İSTANBUL İÇİN', '𐐀 and 羊駝 and ẞ', ''])(
  '%j keeps the places of its letters',
  (text) => {
    const small = inSmallLetters(text);
    expect(small).toHaveLength(text.length);
    for (const [at, letter] of Array.from(small).entries())
      expect(Array.from(text)[at]?.toLocaleLowerCase().startsWith(letter)).toBe(true);
  },
);

test('a word behind a letter that is longer when it is small is where it stands', () => {
  expect(inSmallLetters('İİ Wool').indexOf('wool')).toBe(3);
  expect(inSmallLetters('İSTANBUL')).toBe('istanbul');
});
