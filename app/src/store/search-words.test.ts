import { expect, test } from 'vitest';
import { bestPlace, findParts, findWords, queryParts, queryWords } from './search-words.ts';

test('words are folded, cut at anything that is no letter or number, and counted once', () => {
  expect(queryWords('Größe, größe! C++ nai\u0308ve-approach')).toEqual([
    { folded: 'große', written: 'Größe' },
    { folded: 'c', written: 'C' },
    { folded: 'naive', written: 'naïve' },
    { folded: 'approach', written: 'approach' },
  ]);
  expect(queryWords('+++ ---')).toEqual([]);
});

test('the last word may be a beginning, the others may not', () => {
  const hits = findWords('The llama and the llamas eat', ['the', 'llam']);
  expect(hits.map((hit) => hit.word)).toEqual([0, 1, 0, 1]);
  expect(findWords('llamas', ['llam', 'x'])).toEqual([]);
});

test('the excerpt shows the place with most words, marks them, and cuts no character in half', () => {
  const far = `alpha ${'👋'.repeat(300)} then alpha beside Béta ${'x '.repeat(300)}`;
  const { excerpt, closeWords } = bestPlace(far, findWords(far, ['alpha', 'beta']));
  expect(closeWords).toBe(2);
  expect(excerpt.filter((piece) => piece.hit).map((piece) => piece.text)).toEqual(['alpha', 'Béta']);
  for (const piece of excerpt) expect(piece.text.isWellFormed()).toBe(true);
  expect(excerpt[0]?.text.startsWith('…')).toBe(true);
  expect(excerpt.at(-1)).toEqual({ text: '…', hit: false });
});

test('scripts without spaces are searched by what stands between blanks', () => {
  expect(queryParts(' 東京　Tower 東京 ')).toEqual(['東京', 'Tower']);
  expect(queryParts('Tokyo Tower')).toEqual([]);
});

test('the excerpt shows the place where most of such parts stand together', () => {
  const text = `東京${'あ'.repeat(300)}行く、東京タワー`;
  const { excerpt, closeWords } = bestPlace(text, findParts(text, ['東京', '行く']));
  expect(closeWords).toBe(2);
  expect(excerpt.filter((piece) => piece.hit).map((piece) => piece.text)).toEqual(['行く', '東京']);
});
