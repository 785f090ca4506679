import { assert, jsonValue, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultJsonLimits, parseJsonBody } from './json-body.ts';

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));

describe('a JSON body', () => {
  test('any value comes through unchanged', () => {
    assert(
      property(jsonValue({ depthSize: 'small' }), (value) => {
        const text = JSON.stringify(value);
        if (text.includes('__proto__')) return;
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('depth is counted before anything is built, and not inside texts', () => {
    expect(() => parse('['.repeat(1_000_000))).toThrow(/deeper than 64/);
    expect(() => parse('['.repeat(65) + ']'.repeat(65))).toThrow(/deeper/);
    expect(parse('['.repeat(64) + ']'.repeat(64))).toBeDefined();
    expect(parse(JSON.stringify('['.repeat(1000) + '\\"{'))).toHaveLength(1003);
  });

  test('keys are counted', () => {
    const keys = (count: number) =>
      `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join(',')}}`;
    expect(() => parse(keys(10_001))).toThrow(/more than 10000 keys/);
    expect(parse(keys(10_000))).toBeDefined();
  });

  test('values are counted, and not inside texts', () => {
    const list = (count: number) => JSON.stringify(Array<number>(count).fill(0));
    expect(() => parse(list(30_001))).toThrow(/more than 30000 values/);
    expect(parse(list(30_000))).toBeDefined();
    expect(parse(JSON.stringify(','.repeat(50_000)))).toBeDefined();
  });

  test('lists and objects are counted, and not inside texts', () => {
    const few = { ...defaultJsonLimits, maxContainers: 3 };
    const parseFew = (text: string): unknown => parseJsonBody(Buffer.from(text), few);
    expect(parseFew('[{},{"a":"[{[{"},1,2,3]')).toBeDefined();
    expect(() => parseFew('[{},{},[]]')).toThrow(/more than 3 lists and objects/);
  });

  test.each([
    ['bytes that are no text', Buffer.from([0x22, 0xff, 0x22]), /UTF-8/],
    ['half a character', Buffer.from('{"a":"\\ud800"}'), /surrogate/],
    ['half a character in a name', Buffer.from('{"\\ud800":1}'), /surrogate/],
    ['a name that changes prototypes', Buffer.from('{"a":{"__proto__":{}}}'), /__proto__/],
    ['the same, written with escapes', Buffer.from('{"\\u005f_proto__":{}}'), /__proto__/],
    ['no JSON', Buffer.from('{a:1}'), /is not JSON/],
    ['a number that is none', Buffer.from('[NaN]'), /is not JSON/],
  ])('%s is refused', (_name, bytes, message) => {
    expect(() => parseJsonBody(bytes)).toThrow(message);
  });

  test('half a character in a text is mended where that is asked for, in a name and with "__proto__" it is refused', () => {
    const mended = (text: string): unknown =>
      parseJsonBody(Buffer.from(text), { ...defaultJsonLimits, mendsTexts: true });
    expect(mended('"\\ud83d"')).toBe('\ufffd');
    const value = { a: ['\ud83d!', { b: '\ude00' }, '\u{1f600}', null, 1], c: {} };
    expect(mended(JSON.stringify(value))).toEqual({
      a: ['\ufffd!', { b: '\ufffd' }, '\u{1f600}', null, 1],
      c: {},
    });
    expect(() => mended('{"\\ud83d":1}')).toThrow(/surrogate/);
    expect(() => mended('{"a":"\\ud83d","__proto__":{}}')).toThrow(/__proto__/);
  });

  test('a mark at the beginning is passed over, and nothing is nothing', () => {
    expect(parse('\ufeff{"a":1}')).toEqual({ a: 1 });
    expect(parse('  ')).toBeUndefined();
  });
});
