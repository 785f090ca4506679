import { describe, expect, test } from 'vitest';
import type { JsonSchema } from '../contracts/sampling.ts';
import { gbnfLiteral } from './grammar-rules.ts';
import { integerRange } from './integer-range.ts';
import { grammarOfJsonSchema } from './json-schema-grammar.ts';
import { schemaLimits } from './json-schema-object.ts';

const path = (schema: JsonSchema): string => {
  try {
    grammarOfJsonSchema(schema);
  } catch (error) {
    return (error as { details: { path: string } }).details.path;
  }
  throw new Error('it was accepted');
};

describe('a JSON schema becomes a grammar', () => {
  test('objects keep the order of declaration; optional properties may be left out', () => {
    const grammar = grammarOfJsonSchema({
      type: 'object',
      properties: { a: { const: 1 }, b: { const: 2 } },
      required: ['b'],
      additionalProperties: false,
    });
    expect(grammar).toContain('root ::= ');
    expect(grammar).toContain(`${gbnfLiteral('"a"')} ":" space`);
    expect(grammar).toMatch(/r\d+ ::= r\d+ r\d+ \| r\d+\n/u);
  });

  test('a schema that refers to itself makes a rule that refers to itself', () => {
    const grammar = grammarOfJsonSchema({
      $ref: '#/$defs/node',
      $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
    });
    expect(grammar.split('\n').filter((line) => line.includes('next'))).toHaveLength(1);
  });

  test('equal parts make one rule', () => {
    const item = { type: 'string', minLength: 1, maxLength: 5 };
    const grammar = grammarOfJsonSchema({ type: 'object', properties: { a: item, b: item, c: item } });
    expect(grammar.split('{1,5}')).toHaveLength(2);
  });

  test.each([
    ['#/properties/a/pattern', { properties: { a: { type: 'string', pattern: '^(?=x)y$' } } }],
    ['#/pattern', { pattern: '\\bword' }],
    ['#/pattern', { pattern: '(a' }],
    ['#/pattern', { pattern: 'a{1,2000}' }],
    ['#/pattern', { pattern: '*a' }],
    ['#/pattern', { pattern: '[z-a]' }],
    ['#/pattern', { pattern: '["]' }],
    ['#/items/not', { type: 'array', items: { not: {} } }],
    ['#/properties/a/type', { properties: { a: { type: 'strnig' } } }],
    ['#/anyOf/1/enum', { anyOf: [{}, { enum: [] }] }],
    ['#/$ref', { $ref: 'https://example.com/schema.json' }],
    ['#/$ref', { $ref: '#/$defs/missing' }],
    ['#/$ref', { $ref: '#/constructor' }],
    ['#/required', { type: 'object', required: 'a' }],
    ['#/minItems', { type: 'array', minItems: -1 }],
    ['#/maxLength', { type: 'string', maxLength: 1e9 }],
    ['#', { type: 'integer', minimum: 3, maximum: 2 }],
    ['#', false],
  ] as [string, JsonSchema][])('what cannot be is refused at %s', (expected, schema) => {
    expect(path(schema)).toBe(expected);
  });

  test('a schema too large or too deep is refused', () => {
    expect(path({ description: 'x'.repeat(schemaLimits.textBytes) })).toBe('#');
    let deep: JsonSchema = { type: 'string' };
    for (let depth = 0; depth <= schemaLimits.depth; depth++) deep = { type: 'array', items: deep };
    expect(path(deep)).toContain('/items/items');
    const wide = Object.fromEntries(
      Array.from({ length: 2_500 }, (_, index) => [`p${index}`, { const: index }]),
    );
    expect(path({ type: 'object', properties: wide })).toBe('#');
  });

  test('references that chase each other end', () => {
    const loop = {
      allOf: [{ $ref: '#/$defs/a' }],
      $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } },
    };
    expect(() => grammarOfJsonSchema(loop)).not.toThrow(RangeError);
  });
});

describe('whole numbers within bounds', () => {
  const matches = (grammar: string, value: number): boolean => {
    const pattern = grammar
      .replaceAll(/"([^"]*)"/gu, '$1')
      .replaceAll(' | ', '|')
      .replaceAll(' ', '');
    return new RegExp(`^(${pattern})$`, 'u').test(String(value));
  };

  test.each([
    [0, 0],
    [0, 9],
    [3, 17],
    [10, 99],
    [95, 1205],
    [-5, 5],
    [-120, -7],
    [-1, 100],
    [999, 1000],
  ])('from %d to %d, and no other', (minimum, maximum) => {
    const grammar = integerRange(minimum, maximum) ?? '';
    for (let value = minimum - 150; value <= maximum + 150; value++) {
      expect([value, matches(grammar, value)]).toEqual([value, value >= minimum && value <= maximum]);
    }
  });

  test('open on one side', () => {
    const above = integerRange(42, undefined) ?? '';
    expect([41, 42, 99, 100, 123_456].map((value) => matches(above, value))).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
    const below = integerRange(undefined, -3) ?? '';
    expect([-2, -3, -40, 0].map((value) => matches(below, value))).toEqual([false, true, true, false]);
  });
});
