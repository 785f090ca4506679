import { array, assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerText } from './answer-text.ts';
import { StopStrings } from './stop-strings.ts';
import { Utf8Stream } from './utf8-stream.ts';

describe('StopStrings', () => {
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

describe('Utf8Stream', () => {
  it('waits for the rest of a character', () => {
    const stream = new Utf8Stream();
    const bytes = Buffer.from('👩‍🚀');
    const pieces = Array.from(bytes, (byte) => stream.push(Uint8Array.of(byte)));
    expect(pieces.filter((piece) => piece !== '')).toEqual(['👩', '\u200d', '🚀']);
    expect(stream.end()).toBe('');
  });

  it('replaces bytes that can never be text, and keeps a byte order mark', () => {
    const stream = new Utf8Stream();
    expect(stream.push(Uint8Array.of(0x80, 0x61))).toBe('\ufffda');
    expect(stream.push(Uint8Array.of(0xef, 0xbb, 0xbf))).toBe('\ufeff');
    expect(stream.push(Uint8Array.of(0xf0, 0x9f))).toBe('');
    expect(stream.end()).toBe('\ufffd');
  });
});

describe('AnswerText', () => {
  it('shows what it held back when the answer ends', () => {
    const text = new AnswerText(['STOP']);
    expect(text.push(Buffer.from('go ST'))).toBe('go ');
    expect(text.end()).toBe('ST');
    expect(text.shown).toBe('go ST');
  });
});
