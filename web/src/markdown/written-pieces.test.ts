import { expect, test } from 'vitest';
import { writtenPieces } from './written-pieces.ts';

const shapes = (text: string): string[] =>
  writtenPieces(text).map((piece) =>
    piece.type === 'code' ? `${piece.language}: ${piece.code}` : piece.text,
  );

test('fenced code is taken out of what stands around it', () => {
  expect(shapes('before\n\n```ts title\nconst a = 1;\n\nconst b = 2;\n```\nafter')).toEqual([
    'before',
    'ts: const a = 1;\n\nconst b = 2;',
    'after',
  ]);
  expect(shapes('~~~\n```\nstill code\n~~~~\n````\nx\n```\ny\n````  ')).toEqual([
    ': ```\nstill code',
    ': x\n```\ny',
  ]);
  expect(shapes('```\n```')).toEqual([': ']);
  expect(shapes('```js\r\na\r\n```\r\nb')).toEqual(['js: a\r', 'b']);
});

test('each piece knows where it begins', () => {
  const text = 'a\n```\nb\n```\nc';
  expect(writtenPieces(text).map(({ start }) => start)).toEqual([0, 2, 11]);
});

test('a fence that nothing closes is text, and one below it may still be code', () => {
  expect(shapes('```a\nb')).toEqual(['```a\nb']);
  expect(shapes('  ```\na\n  ```')).toEqual(['  ```\na\n  ```']);
  expect(shapes('`````\na\n```b\nc\n```')).toEqual(['`````\na', 'b: c']);
});

test.each([
  ['fences that nothing closes', '```a\n'.repeat(100_000)],
  [
    'fences, each shorter than the one before',
    Array.from({ length: 900 }, (_, at) => `${'~'.repeat(1_000 - at)}a\n`).join(''),
  ],
  ['blank lines', `a${'\n'.repeat(300_000)}b`],
])('thousands of %s take no time', (_what, text) => {
  const began = performance.now();
  expect(shapes(text)).toEqual([text.trimEnd()]);
  expect(performance.now() - began).toBeLessThan(5_000);
});
