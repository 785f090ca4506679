import { expect, test } from 'vitest';
import { lexBlock, linksOf, noLinks } from './lexer.ts';

const nested = ['>', '> ', '- ', '>- ', '1. ', '* > '];

test.each(nested)('%j as often as one likes is read, and the rest of it is there as its source', (marker) => {
  const text = `${marker.repeat(5_000)}a`;
  const tokens = lexBlock(text, noLinks);
  expect(tokens.map((token) => token.raw).join('')).toBe(text);
  expect(JSON.stringify(tokens)).toContain(`"text":"${marker.repeat(4_900)}`);
  expect(linksOf(`${text}\n\n[name]: https://example.org`)).toEqual({
    name: { href: 'https://example.org', title: undefined },
  });
});

test('emphasis within emphasis has an end', () => {
  const text = '~~a *b '.repeat(120) + 'b* a~~'.repeat(120);
  expect(lexBlock(text, noLinks).map((token) => token.raw)).toEqual([text]);
});

test('words with hundreds of emphasis marks are shown as they stand; others have their markup', () => {
  const words = Array.from({ length: 2_000 }, () => '*a').join(' ');
  expect(lexBlock(words, noLinks)).toMatchObject([{ tokens: [{ type: 'text', text: words }] }]);
  const emphasis = lexBlock('*a* '.repeat(200), noLinks)[0];
  expect(JSON.stringify(emphasis).match(/"type":"em"/g)).toHaveLength(200);
});
