import { describe, expect, test } from 'vitest';
import { ShownThoughts } from './shown-thoughts.ts';

type Said = ['thought' | 'text', string];

/** What the whole message is when a service says this behind what was written earlier. */
function shown(written: string, said: Said[], isPrefilled: boolean): string {
  const messages = [
    { role: 'user' as const, content: 'q' },
    { role: 'assistant' as const, content: written },
  ];
  const thoughts = new ShownThoughts({ kind: 'chat', messages, continueAnswer: true }, isPrefilled);
  const pieces = said.map(([kind, piece]) =>
    kind === 'thought' ? thoughts.think(piece) : thoughts.say(piece),
  );
  return written + pieces.map(({ aside, answer }) => aside + answer).join('') + thoughts.end();
}

describe.each([true, false])('prefilled: %s', (isPrefilled) => {
  test.each<[string, string, Said[], string]>([
    [
      'a thought stands before its answer',
      '',
      [
        ['thought', 'a'],
        ['thought', 'b'],
        ['text', 'c'],
      ],
      '<think>\nab\n</think>\n\nc',
    ],
    ['one that is all there is ends', '', [['thought', 'a']], '<think>\na\n</think>\n\n'],
    [
      'a cut one goes on',
      '<think>\na',
      [
        ['thought', 'b'],
        ['text', 'c'],
      ],
      '<think>\nab\n</think>\n\nc',
    ],
    [
      'behind a finished one the answer begins',
      '<think>\na\n</think>\n\n',
      [['text', 'c']],
      '<think>\na\n</think>\n\nc',
    ],
    ['a begun answer goes on', '<think>\na\n</think>\n\nb', [['text', 'c']], '<think>\na\n</think>\n\nbc'],
    ['nothing is added to nothing', '<think>\na', [], '<think>\na'],
    ['a word that looks like one is none', 'Write <think>', [['text', ' and']], 'Write <think> and'],
  ])('%s', (_, written, said, expected) => {
    expect(shown(written, said, isPrefilled)).toBe(expected);
  });
});

test('whoever was asked to go on thinks about that, and it is left out', () => {
  expect(
    shown(
      'the first half',
      [
        ['thought', 'They want more.'],
        ['text', ' of it'],
      ],
      false,
    ),
  ).toBe('the first half of it');
});

test('whoever goes on with a sentence says it, whatever the service takes it for', () => {
  expect(
    shown(
      'the first half',
      [
        ['thought', ' of it'],
        ['text', '.'],
      ],
      true,
    ),
  ).toBe('the first half of it.');
});

test('a thought that a model writes as text is ended by itself where it goes on, and here where it is asked anew', () => {
  expect(shown('<think>a', [['text', 'b</think>c']], true)).toBe('<think>ab</think>c');
  expect(shown('<think>a', [['text', 'c']], false)).toBe('<think>a\n</think>\n\nc');
});
