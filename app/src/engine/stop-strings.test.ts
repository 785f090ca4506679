import { array, assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { StopStrings } from './stop-strings.ts';

function scan(stops: string[], pieces: string[], openAnswer = ''): { text: string; stop: string | null } {
  const filter = new StopStrings(stops, openAnswer);
  let text = '';
  for (const piece of pieces) {
    const released = filter.push(piece);
    text += released.text;
    if (released.stop !== null) return { text, stop: released.stop };
  }
  return { text: text + filter.end(), stop: null };
}

describe('StopStrings', () => {
  test.each([
    [['END'], ['one E', 'N', 'D two'], { text: 'one ', stop: 'END' }],
    [['END'], ['one EN', 'ough'], { text: 'one ENough', stop: null }],
    [['\nUser:', 'User'], ['a\nUs', 'er: b'], { text: 'a', stop: '\nUser:' }],
    [['aab'], ['aa', 'aab'], { text: 'aa', stop: 'aab' }],
    [[''], ['text'], { text: 'text', stop: null }],
    [[], ['text'], { text: 'text', stop: null }],
  ])('%j in %j', (stops, pieces, expected) => {
    expect(scan(stops, pieces)).toEqual(expected);
  });

  test.each([
    ['one EN', ['END'], ['D two'], { text: '', stop: 'END' }],
    ['one E', ['END'], ['N', 'ough'], { text: 'Nough', stop: null }],
    ['one E', ['END'], ['N', 'EN', 'D'], { text: 'N', stop: 'END' }],
    ['one END', ['END', 'two'], [' more'], { text: ' more', stop: null }],
    ['a\n## Hu', ['\n', '## Human:'], ['man:'], { text: '', stop: '## Human:' }],
    ['a\n## Hu', ['\n', '\n## Human:'], ['go'], { text: 'go', stop: null }],
  ])('after %j: %j in %j', (openAnswer, stops, pieces, expected) => {
    expect(scan(stops, pieces, openAnswer)).toEqual(expected);
  });

  it('never show a stop string, and lose nothing else, however the text is cut', () => {
    const letters = array(constantFrom('a', 'b', '\n', '#', 'é'), { maxLength: 30 });
    assert(
      property(
        letters,
        array(string({ minLength: 1, maxLength: 3, unit: constantFrom('a', 'b', '\n', '#') }), {
          minLength: 1,
          maxLength: 3,
        }),
        (text, stops) => {
          const whole = text.join('');
          const filter = new StopStrings(stops);
          let shown = '';
          let stop: string | null = null;
          for (const piece of text) {
            if (stop !== null) break;
            const released = filter.push(piece);
            shown += released.text;
            stop = released.stop;
          }
          if (stop === null) shown += filter.end();
          const first = Math.min(...stops.map((one) => whole.indexOf(one)).filter((at) => at >= 0), Infinity);
          expect(stops.some((one) => shown.includes(one))).toBe(false);
          if (first === Infinity) expect(shown).toBe(whole);
          else expect(whole.startsWith(shown)).toBe(true);
        },
      ),
    );
  });

  it('hold back only what may become one', () => {
    const filter = new StopStrings(['### Human:']);
    expect(filter.push('Yes.\n##').text).toBe('Yes.\n');
    expect(filter.push('# Hu').text).toBe('');
    expect(filter.push('go was here').text).toBe('### Hugo was here');
    expect(filter.push('### Human: and')).toEqual({ text: '', stop: '### Human:' });
  });
});
