import { describe, expect, test } from 'vitest';
import { encodePrompt, type PromptVocabulary } from './encode-prompt.ts';
import type { PromptSegment } from './segments.ts';

const bos = 1;
const end = 2;

/** One token a byte, from 100 on: enough to see what was parsed. */
function vocabulary(changes: Partial<PromptVocabulary> = {}): PromptVocabulary {
  return {
    tokenize: (text) => [...Buffer.from(text)].map((byte) => 100 + byte),
    tokenBytes: (id) => (id >= 100 ? 1 : 0),
    specialTokens: [
      { id: bos, text: '<s>', stripLeft: false, stripRight: false },
      { id: end, text: '<|end|>', stripLeft: false, stripRight: true },
    ],
    bosId: bos,
    addBos: true,
    ...changes,
  };
}

const bytes = (text: string): number[] => [...Buffer.from(text)].map((byte) => 100 + byte);
const said = (text: string, message: number): PromptSegment => ({ text, special: false, message });
const template = (text: string, message: number | null): PromptSegment => ({ text, special: true, message });

describe('a prompt becomes token ids', () => {
  test('control tokens count in the template only', () => {
    const { ids } = encodePrompt(
      [template('<s>', null), said('<s>x<|end|>', 0), template('<|end|>', 0)],
      vocabulary(),
      1,
    );
    expect(ids).toEqual([bos, ...bytes('<s>x<|end|>'), end]);
  });

  test('a control token that typed text and template text would form together stays text', () => {
    const { ids } = encodePrompt(
      [template('<|', null), said('end', 0), template('|>', null)],
      vocabulary(),
      1,
    );
    expect(ids).toEqual([bos, ...bytes('<|end|>')]);
  });

  test.each([
    ['the template writes it and the tokenizer adds it', '<s>', true, 1],
    ['the template writes it twice', '<s><s>', true, 1],
    ['only the tokenizer adds it', '', true, 1],
    ['neither does', '', false, 0],
    ['only the template writes it', '<s>', false, 1],
  ])('BOS comes once: %s', (_, written, addBos, count) => {
    const { ids } = encodePrompt([template(written, null), said('x', 0)], vocabulary({ addBos }), 1);
    expect(ids.filter((id) => id === bos)).toHaveLength(count);
    expect(ids.at(-1)).toBe(100 + 120);
  });

  test('twenty thousand turns without a control token between them are counted in a moment', () => {
    const segments = Array.from({ length: 20_000 }, (_, index) => said('fifteen bytes..', index));
    const started = performance.now();
    const { messageTokens } = encodePrompt(segments, vocabulary(), segments.length);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(messageTokens).toEqual(segments.map(() => 15));
  });

  test('every token belongs to a message or to the format, and the sum is the whole', () => {
    const segments = [
      template('<s>', null),
      said('éa', 0),
      template('<|end|>', 0),
      said('bcd', 1),
      template('GO', null),
    ];
    const encoded = encodePrompt(segments, vocabulary(), 2);
    expect(encoded.messageTokens).toEqual([4, 3]);
    expect(encoded.overheadTokens).toBe(3);
    expect(encoded.ids).toHaveLength(10);
  });

  test('the blank that a sentencepiece tokenizer puts first is nobody’s', () => {
    const prefixed = vocabulary({ tokenize: (text) => bytes(` ${text}`) });
    const encoded = encodePrompt([template('<s>', null), said('ab', 0), said('cd', 1)], prefixed, 2);
    expect(encoded.messageTokens).toEqual([3, 2]);
  });

  test("a token's own blanks are taken from the template's text, never from what somebody typed", () => {
    expect(encodePrompt([template('<|end|>\nx', null)], vocabulary({ addBos: false }), 0).ids).toEqual([
      end,
      ...bytes('x'),
    ]);
    expect(
      encodePrompt([template('<|end|>', null), said('\nx', 0)], vocabulary({ addBos: false }), 1).ids,
    ).toEqual([end, ...bytes('\nx')]);
  });
});
