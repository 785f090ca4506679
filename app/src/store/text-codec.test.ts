import { array, assert, constantFrom, integer, oneof, property } from 'fast-check';
import { expect, test } from 'vitest';
import { decodeText, encodeText } from './text-codec.ts';

test('any sequence of UTF-16 units comes back, and the encoded form is what databases accept', () => {
  const units = array(
    oneof(integer({ min: 0, max: 0xff_ff }), constantFrom(0, 0xd8_00, 0xdb_ff, 0xdc_00, 0xf8_ff, 0x30, 0x61)),
    { maxLength: 40 },
  );
  assert(
    property(units, (codes) => {
      const text = String.fromCharCode(...codes);
      const encoded = encodeText(text);
      expect(decodeText(encoded)).toBe(text);
      expect(encoded.isWellFormed()).toBe(true);
      expect(encoded).not.toContain('\u0000');
    }),
    { numRuns: 2000 },
  );
});

test('ordinary text is left alone', () => {
  expect(encodeText('Grüße, 👋🏽 日本語')).toBe('Grüße, 👋🏽 日本語');
});
