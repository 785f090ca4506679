import { expect, test } from 'vitest';
import type { ScoredToken } from '../../engine/engine.ts';
import { lensTokens } from './lens-tokens.ts';

function scored(bytes: readonly number[], top: ScoredToken['top'] = []): ScoredToken {
  return { id: bytes[0] ?? 0, text: '', bytes: [...bytes], logprob: -1, offset: 0, top };
}

const bytesOf = (text: string): number[] => [...Buffer.from(text)];

test('tokens that make one character together are one', () => {
  const llama = bytesOf('🦙');
  const tokens = lensTokens(
    [scored(bytesOf('a ')), scored(llama.slice(0, 2)), scored(llama.slice(2)), scored(bytesOf('b'))],
    'a 🦙b and more',
  );
  expect(tokens.map(({ text, logprob }) => [text, logprob])).toEqual([
    ['a ', -1],
    ['🦙', -2],
    ['b', -1],
  ]);
  expect(tokens[1]?.ids).toHaveLength(2);
});

test('a character that is cut off at the end is left out', () => {
  const tokens = lensTokens([scored(bytesOf('a')), scored(bytesOf('🦙').slice(0, 2))], 'a🦙');
  expect(tokens.map(({ text }) => text)).toEqual(['a']);
});

test('a piece of a character is no alternative to go on from', () => {
  const top = [
    { id: 1, text: '\uFFFD', bytes: [0xf0, 0x9f], logprob: -1, kind: 'text' as const },
    { id: 2, text: 'x', bytes: [0x78], logprob: -2, kind: 'text' as const },
    { id: 3, text: '</s>', bytes: bytesOf('</s>'), logprob: -3, kind: 'end' as const },
  ];
  const [token] = lensTokens([scored(bytesOf('a'), top)], 'a');
  expect(token?.alternatives.map(({ kind }) => kind)).toEqual(['part', 'text', 'end']);
});

test('a space that the tokenizer puts before a text is not the answer’s', () => {
  const tokens = lensTokens([scored(bytesOf(' The')), scored(bytesOf(' hill'))], 'The hill');
  expect(tokens.map(({ text }) => text)).toEqual(['The', ' hill']);
});

test('tokens that spell another text are refused', () => {
  expect(() => lensTokens([scored(bytesOf('fi'))], 'ﬁ')).toThrow('do not spell');
});
