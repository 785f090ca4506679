import { array, assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStopScanner } from './stop-strings.ts';

function scan(stops: string[], pieces: string[]): { text: string; stop?: string } {
  const scanner = createStopScanner(stops);
  let text = '';
  for (const piece of pieces) {
    const found = scanner.push(piece);
    text += found.text;
    if (found.stop !== undefined) return { text, stop: found.stop };
  }
  return { text: text + scanner.flush() };
}

describe('stop strings', () => {
  test.each([
    [['END'], ['one E', 'N', 'D two'], { text: 'one ', stop: 'END' }],
    [['END'], ['one EN', 'ough'], { text: 'one ENough' }],
    [['\nUser:', 'User'], ['a\nUs', 'er: b'], { text: 'a', stop: '\nUser:' }],
    [['aab'], ['aa', 'aab'], { text: 'aa', stop: 'aab' }],
    [[], ['text'], { text: 'text' }],
  ])('%j in %j', (stops, pieces, expected) => {
    expect(scan(stops, pieces)).toEqual(expected);
  });

  test('nothing of a stop string is shown, and nothing else is lost, wherever the text is cut', () => {
    assert(
      property(
        array(string({ maxLength: 3, unit: 'binary-ascii' })),
        string({ minLength: 1, maxLength: 2 }),
        (pieces, stop) => {
          const whole = pieces.join('');
          const at = whole.indexOf(stop);
          const found = scan([stop], pieces);
          expect(found.text).toBe(at < 0 ? whole : whole.slice(0, at));
        },
      ),
    );
  });
});
