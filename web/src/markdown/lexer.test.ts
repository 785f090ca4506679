import type { Token } from 'marked';
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

function depthOf(tokens: readonly Token[]): number {
  return 1 + Math.max(0, ...tokens.map((token) => ('tokens' in token ? depthOf(token.tokens ?? []) : 0)));
}

test('emphasis within emphasis has an end', () => {
  const text = '~~a *b '.repeat(120) + 'b* a~~'.repeat(120);
  const tokens = lexBlock(text, noLinks);
  expect(tokens.map((token) => token.raw)).toEqual([text]);
  expect(depthOf(tokens)).toBeGreaterThan(10);
  expect(depthOf(tokens)).toBeLessThan(30);
});

test('names, code and formulas are no emphasis, however many: the words around them have their markup', () => {
  const names = Array.from(
    { length: 400 },
    (_, n) => `\`**CORRAL_LONG_NAME_${n}\`, some_long_name_${n}`,
  ).join(' ');
  const text = `**all** [here](https://example.org/a_b_c): ${names} $$${'x_{1} * '.repeat(200)}y$$`;
  const types = JSON.stringify(lexBlock(text, noLinks));
  expect(types.match(/"type":"codespan"/g)).toHaveLength(400);
  expect(types).toMatch(/"type":"strong"[^]*"type":"link"[^]*"type":"mathInline"/);
});

test('marks that nothing ends hold nobody up, also where something beside them looks like code', () => {
  const startedAt = performance.now();
  const text = `<a \`> ${'*a '.repeat(20_000)}\``;
  expect(lexBlock(text, noLinks).map((token) => token.raw)).toEqual([text]);
  // Seconds, if marked looked for the end of each.
  expect(performance.now() - startedAt).toBeLessThan(1_500);
});

test('words with hundreds of emphasis marks are shown as they stand; others have their markup', () => {
  const words = Array.from({ length: 2_000 }, () => '*a').join(' ');
  expect(lexBlock(words, noLinks)).toMatchObject([{ tokens: [{ type: 'text', text: words }] }]);
  const emphasis = lexBlock('*a* '.repeat(200), noLinks)[0];
  expect(JSON.stringify(emphasis).match(/"type":"em"/g)).toHaveLength(200);
});

test.each(['$$a\n', '\\[ x\n', '> $$a\n', '\\[ x ', '\\( x '])(
  'formulas that nothing ends, %j hundreds of times, are text, and so is all of their block',
  (opening) => {
    const formula = 'so \\(y\\)';
    expect(JSON.stringify(lexBlock(opening.repeat(200) + formula, noLinks))).toContain('mathInline');
    expect(JSON.stringify(lexBlock(opening.repeat(400) + formula, noLinks))).not.toContain('mathInline');
  },
);

test('formulas that are ended are formulas, however many', () => {
  const types = JSON.stringify(lexBlock('with \\(x\\) and $$y$$ there\n'.repeat(1_000), noLinks));
  expect(types.match(/"type":"mathInline"/g)).toHaveLength(2_000);
});
