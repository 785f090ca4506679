import { expect, test } from 'vitest';
import type { RunEvent } from '../contracts/runs.ts';
import { offsetAfter, piecesOf } from './run-blocks.ts';

const event = (offset: number, text: string): RunEvent => ({
  runId: 'r',
  epoch: 1,
  type: 'text',
  offset,
  text,
});

test.each(['a', '\u{1f999}', 'ab\u{1f999}', 'a\u{1f999}'])(
  'pieces of %j lie end to end, are whole characters, and together are the text',
  (filler) => {
    for (const start of ['', 'x', '\u{1f999}']) {
      const text = start + filler.repeat(20_000);
      const pieces = piecesOf(event(7, text)).filter((piece) => piece.type === 'text');
      expect(pieces.map((piece) => piece.text).join('')).toBe(text);
      expect(pieces.every((piece) => piece.text.isWellFormed() && piece.text.length <= 16_384)).toBe(true);
      const ends = pieces.map((piece) => offsetAfter(piece));
      expect(pieces.map((piece) => piece.offset)).toEqual([7, ...ends.slice(0, -1)]);
    }
  },
);

test('what is small or no text stays as it is', () => {
  const small = event(3, 'hello');
  expect(piecesOf(small)).toEqual([small]);
  const mark: RunEvent = { runId: 'r', epoch: 1, type: 'durable', offset: 5 };
  expect(piecesOf(mark)).toEqual([mark]);
  expect(offsetAfter(mark)).toBeNull();
});
