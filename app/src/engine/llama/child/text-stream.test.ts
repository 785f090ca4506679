import { describe, expect, it } from 'vitest';
import { AnswerText } from './answer-text.ts';
import { Utf8Stream } from './utf8-stream.ts';

describe('Utf8Stream', () => {
  it('waits for the rest of a character', () => {
    const stream = new Utf8Stream();
    const bytes = Buffer.from('👩‍🚀');
    const pieces = Array.from(bytes, (byte) => stream.push(Uint8Array.of(byte)));
    expect(pieces.filter((piece) => piece !== '')).toEqual(['👩', '\u200d', '🚀']);
    expect(stream.end()).toBe(false);
  });

  it('replaces bytes that can never be text, and keeps a byte order mark', () => {
    const stream = new Utf8Stream();
    expect(stream.push(Uint8Array.of(0x80, 0x61))).toBe('\ufffda');
    expect(stream.push(Uint8Array.of(0xef, 0xbb, 0xbf))).toBe('\ufeff');
    expect(stream.push(Uint8Array.of(0xf0, 0x9f))).toBe('');
    expect(stream.end()).toBe(true);
  });
});

describe('AnswerText', () => {
  it('shows what it held back when the answer ends', () => {
    const text = new AnswerText(['STOP']);
    expect(text.push(Buffer.from('go ST'))).toBe('go ');
    expect(text.end()).toBe('ST');
    expect(text.shown).toBe('go ST');
  });

  it('ends before a character that was cut short', () => {
    const text = new AnswerText(['STOP']);
    const bytes = Buffer.from('a€');
    expect(text.push(bytes.subarray(0, 3)) + text.end()).toBe('a');
    expect(text.isCut).toBe(true);
  });
});
