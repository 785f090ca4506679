import * as fc from 'fast-check';
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

/** The texts of a grammar without rules that refer to themselves, as a regular expression. */
function textsOf(grammar: string): RegExp {
  const bodies = new Map(grammar.split('\n').map((line) => line.split(' ::= ', 2) as [string, string]));
  const unescaped = (literal: string): string =>
    literal.replaceAll(/\\(?:x(..)|(.))/gu, (_, code: string | undefined, character: string) =>
      code === undefined ? (character === 'n' ? '\n' : character) : String.fromCharCode(Number(`0x${code}`)),
    );
  const written = (rule: string): string =>
    (bodies.get(rule) ?? '').replaceAll(
      /"((?:[^"\\]|\\.)*)"|(\[(?:[^\]\\]|\\.)*\])|([a-z]\w*)|\s+/gu,
      (_, literal?: string, characters?: string, name?: string) => {
        if (literal !== undefined)
          return `(?:${unescaped(literal).replaceAll(/[\\^$.*+?()[\]{}|]/gu, '\\$&')})`;
        return characters ?? (name === undefined ? '' : `(?:${written(name)})`);
      },
    );
  return new RegExp(`^(?:${written('root')})$`, 'u');
}

const fits = (schema: JsonSchema, texts: readonly string[]): string[] => {
  const pattern = textsOf(grammarOfJsonSchema(schema));
  return texts.filter((text) => pattern.test(text));
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
    ['#', { type: 'integer', exclusiveMinimum: 3, maximum: 3 }],
    ['#', { type: 'number', exclusiveMinimum: 0.5, maximum: 0.5 }],
    ['#/allOf', { allOf: [{ type: 'number', minimum: 2 }, { maximum: 1 }] }],
    ['#/minimum', { type: 'number', minimum: '0' }],
    ['#/pattern', { pattern: '^[a-z]+[0-9]+$', maxLength: 8 }],
    ['#/pattern', { pattern: '^(ab)+$', maxLength: 5 }],
    ['#/pattern', { pattern: 'ab', maxLength: 5 }],
    ['#/pattern', { pattern: '^a{3}$', maxLength: 2 }],
    ['#/format', { format: 'date', maxLength: 9 }],
    ['#/propertyNames', { type: 'object', propertyNames: { pattern: '^a' } }],
    ['#/format', { format: 'email', minLength: 6 }],
    ['#/allOf/format', { allOf: [{ format: 'date' }, { maxLength: 4 }] }],
    ['#/pattern', { enum: ['a', 1], pattern: '^a$' }],
    ['#/properties', { const: { a: 1 }, properties: { a: { minimum: 2 } } }],
    ['#/items', { enum: [[1]], items: { minimum: 2 } }],
    ['#', { enum: [1, 2], minimum: 3 }],
    ['#', false],
  ] as [string, JsonSchema][])('what cannot be is refused at %s', (expected, schema) => {
    expect(path(schema)).toBe(expected);
  });

  test('what refers to itself may have words beside its reference', () => {
    const schema = {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          required: ['next'],
          additionalProperties: false,
          properties: { next: { anyOf: [{ $ref: '#/$defs/node', type: 'object' }, { type: 'null' }] } },
        },
      },
    };
    const lines = grammarOfJsonSchema(schema).split('\n');
    expect(lines.filter((line) => line.includes('next'))).toHaveLength(1);
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

  /** Each of these names the next one twice. */
  const doubling = (level: (next: JsonSchema) => JsonSchema): JsonSchema => {
    const names = Array.from({ length: 30 }, (_, index) => `a${index}`);
    const defs = names.map((name, index) => [name, level({ $ref: `#/$defs/a${index + 1}` })] as const);
    return { $ref: '#/$defs/a0', $defs: { ...Object.fromEntries(defs), a30: { type: 'object' } } };
  };
  const choices = Array.from({ length: 5_000 }, () => ({}));
  const long = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`p${index}`, {}]));

  // Each of these would take minutes, or more memory than there is.
  test.each([
    ['allOf', doubling((next) => ({ allOf: [next, next] }))],
    ['anyOf beside another word', doubling((next) => ({ type: 'object', anyOf: [next, next] }))],
    ['oneOf beside another word', doubling((next) => ({ type: 'object', oneOf: [next, next] }))],
    ['many choices', { properties: long, anyOf: choices }],
    ['choices of choices', { anyOf: choices, oneOf: choices }],
    ['allOf of itself', { $ref: '#/$defs/a', $defs: { a: { allOf: [{ $ref: '#/$defs/a' }] } } }],
  ] as [string, JsonSchema][])(
    'a short schema that would be written out very long is refused: %s',
    (_, schema) => {
      expect(path(schema)).toContain('#');
    },
  );

  test('a type that stands there twice is converted once', () => {
    let deep: JsonSchema = { type: 'string' };
    for (let depth = 0; depth < 30; depth++) deep = { type: ['object', 'object'], properties: { a: deep } };
    expect(grammarOfJsonSchema(deep)).toContain('root');
  });

  test('descriptions and definitions do not count for what is merged', () => {
    const $defs = { unused: { description: 'x'.repeat(60_000) } };
    const options = Array.from({ length: 100 }, (_, index) => ({ properties: { [`p${index}`]: {} } }));
    expect(grammarOfJsonSchema({ type: 'object', anyOf: options, $defs })).toContain('root');
  });

  test('a name too long, and a reference that is none, are refused', () => {
    const properties = { ['x'.repeat(20_000)]: {} };
    expect(path({ properties, additionalProperties: true })).toContain('#/properties/xxx');
    expect(grammarOfJsonSchema({ properties })).toContain('xxx');
    expect(path({ $ref: '#/%' })).toBe('#/$ref');
  });

  test('a schema whose grammar would be too large is refused', () => {
    const pattern = `^${String.raw`\w`.repeat(450)}x*$`;
    const schema = {
      pattern,
      anyOf: Array.from({ length: 300 }, (_, index) => ({ maxLength: 600 + index })),
    };
    expect(path(schema)).toBe('#');
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

describe('bounds', () => {
  test.each([
    [
      { minimum: 0, maximum: 1 },
      '0 0.0 0.5 0.0000000000000001 1 1.00',
      '-0 -0.1 1.01 1.0000000000000001 2 10',
    ],
    [{ exclusiveMinimum: 0 }, '0.01 1 250 1.5e-7 6.02e23 0.1E+5', '0 0.0 0e5 -1 -0.5'],
    [{ minimum: 0 }, '0 0.0 12.5 1e9 0.000', '-0 -1 -1e9'],
    [{ maximum: 0 }, '0 -1 -0.001 -2e7 0.0', '1 0.1 1e-9'],
    [{ exclusiveMaximum: 0 }, '-1 -0.001 -2e7', '0 0.0 -0 -0.0 0.1'],
    [{ exclusiveMinimum: 0, exclusiveMaximum: 1 }, '0.1 0.99 0.01', '0 0.00 1 1.0 0.9999999999999999999'],
    [{ minimum: -1.25, maximum: 2.5 }, '-1.25 -1.249 -1 -0.5 0 2 2.5 2.50', '-1.26 -1.3 -2 2.51 2.6 3'],
    [{ minimum: -90, maximum: 90 }, '-90 -89.999 45 90 90.0', '-90.1 90.001 -100 900'],
    [{ minimum: 0.5, maximum: 0.75 }, '0.5 0.500 0.61 0.7 0.75', '0.49 0.751 0.76 0.8 0 1'],
    [{ exclusiveMaximum: 10 }, '9.99 -3 -1000000', '10 10.0 9.9999999999999999'],
    [{ minimum: 1e-7 }, '0.0000001 0.000001 1', '0 0.00000009'],
    [{ minimum: 1.5e21 }, '1500000000000000000000', '1499999999999999999999 1'],
    [{ minimum: 1, exclusiveMinimum: 5 }, '5.1 6', '1 5 5.0'],
    [{ minimum: 0, exclusiveMinimum: true }, '0.1 1', '0 -1'],
    [{ minimum: 0, exclusiveMinimum: false }, '0 0.1 1', '-1'],
  ] as [object, string, string][])('of a number: %j', (bounds, inside, outside) => {
    const [within, beyond] = [inside.split(' '), outside.split(' ')];
    expect(fits({ type: 'number', ...bounds }, [...within, ...beyond])).toEqual(within);
  });

  test.each([
    [{ minimum: 1, exclusiveMinimum: 5 }, '6 7 100', '1 2 5'],
    [{ minimum: 6, exclusiveMinimum: 2 }, '6 7', '3 5'],
    [{ maximum: 9, exclusiveMaximum: 5, minimum: 0 }, '0 4', '5 9'],
    [{ exclusiveMinimum: 0.5, exclusiveMaximum: 2.5 }, '1 2', '0 3'],
    [{ exclusiveMinimum: 2 ** 63 }, '9223372036854779904', '9223372036854775807 9223372036854775808'],
    [{ minimum: 0, exclusiveMinimum: true }, '1 2', '0'],
  ] as [object, string, string][])('of a whole number: %j', (bounds, inside, outside) => {
    const [within, beyond] = [inside.split(' '), outside.split(' ')];
    expect(fits({ type: 'integer', ...bounds }, [...within, ...beyond])).toEqual(within);
  });

  const bound = fc.oneof(
    fc
      .tuple(fc.integer({ min: -3000, max: 3000 }), fc.integer({ min: 0, max: 3 }))
      .map(([n, k]) => n / 10 ** k),
    fc.double({ min: -1e18, max: 1e18, noNaN: true }),
    fc.double({ min: -20, max: 20, noNaN: true }),
  );
  const bounds = fc
    .record(
      { minimum: bound, exclusiveMinimum: bound, maximum: bound, exclusiveMaximum: bound },
      { requiredKeys: [] },
    )
    .filter((limits) => Object.keys(limits).length > 0);
  type Bounds = { [Name in 'minimum' | 'exclusiveMinimum' | 'maximum' | 'exclusiveMaximum']?: number };
  const isWithin = (value: number, limits: Bounds): boolean =>
    value >= (limits.minimum ?? -Infinity) &&
    value > (limits.exclusiveMinimum ?? -Infinity) &&
    value <= (limits.maximum ?? Infinity) &&
    value < (limits.exclusiveMaximum ?? Infinity);
  const grammarWithin = (limits: Bounds): string | null => {
    try {
      return grammarOfJsonSchema({ type: 'number', ...limits });
    } catch {
      return null;
    }
  };

  test('whatever the grammar of a number lets through is within, as it is read', () => {
    const drawn = bounds.chain((limits) => {
      const grammar = grammarWithin(limits);
      const text = grammar === null ? fc.constant(null) : fc.stringMatching(textsOf(grammar));
      return fc.record({ limits: fc.constant(limits), text });
    });
    fc.assert(
      fc.property(drawn, ({ limits, text }) => {
        fc.pre(text !== null);
        expect([text, isWithin(JSON.parse(text) as number, limits)]).toEqual([text, true]);
      }),
      // Each run makes a generator of a whole grammar.
      { numRuns: 25 },
    );
  });

  test('a number with few digits is let through exactly where it is within', () => {
    const decimal = fc.tuple(fc.integer({ min: -40_000, max: 40_000 }), fc.integer({ min: 0, max: 4 }));
    fc.assert(
      fc.property(bounds, fc.array(decimal, { minLength: 20 }), (limits, decimals) => {
        const values = decimals.map(([digits, places]) => digits / 10 ** places);
        const near = Object.values(limits).filter(
          (value) => Math.abs(value) >= 1e-6 && Math.abs(value) < 1e12,
        );
        const grammar = grammarWithin(limits);
        const pattern = grammar === null ? /^$/u : textsOf(grammar);
        for (const value of [...values, ...near.filter((one) => String(one).length < 12)])
          expect([value, pattern.test(String(value))]).toEqual([value, isWithin(value, limits)]);
      }),
    );
  });

  test('of several schemas at once the stricter holds', () => {
    const number = {
      allOf: [
        { type: 'number', minimum: 1, maximum: 7 },
        { minimum: 0, maximum: 9 },
      ],
    };
    expect(fits(number, ['0', '1', '7', '8'])).toEqual(['1', '7']);
    const text = { minLength: 2, maxLength: 3, allOf: [{ type: 'string', minLength: 1, maxLength: 9 }] };
    expect(fits(text, ['"a"', '"ab"', '"abc"', '"abcd"'])).toEqual(['"ab"', '"abc"']);
    const list = { minItems: 2, items: { const: 1 }, anyOf: [{ type: 'array', minItems: 0, maxItems: 3 }] };
    expect(fits(list, ['[]', '[1]', '[1,1]', '[1,1,1]'])).toEqual(['[1,1]', '[1,1,1]']);
    const mixed = {
      allOf: [
        { type: 'integer', minimum: 1 },
        { minimum: 3, exclusiveMinimum: true },
      ],
    };
    expect(fits(mixed, ['1', '3', '4'])).toEqual(['4']);
  });

  const short = { properties: { a: { type: 'string', maxLength: 3 } }, required: ['a'] };
  const a = { a: { type: 'string' } };
  test.each([
    [
      { ...short, allOf: [{ properties: { a: { minLength: 2 } } }] },
      '{"a":"xy"} {"a":"xyz"}',
      '{"a":"x"} {"a":"xyzz"}',
    ],
    [
      {
        ...short,
        allOf: [{ $ref: '#/$defs/a' }, { properties: { a: { pattern: '^[ab]*$' } } }],
        $defs: { a: { properties: { a: { minLength: 2, description: 'one' } } } },
      },
      '{"a":"ab"} {"a":"aba"}',
      '{"a":"a"} {"a":"abab"} {"a":"xy"}',
    ],
    [{ type: 'string', allOf: [{ type: ['string', 'null'] }] }, '""', 'null'],
    [{ allOf: [{ type: 'number', minimum: 2 }, { type: ['integer', 'string'] }] }, '2 3', '2.5 1 ""'],
    [{ allOf: [{ enum: [1, 2] }, { enum: [2, 3] }] }, '2', '1 3'],
    [{ allOf: [{ enum: [1, 2] }, { const: 2 }] }, '2', '1'],
    [{ allOf: [{ enum: [1, 'b'] }, { type: 'string' }] }, '"b"', '1'],
    [{ allOf: [{ type: 'boolean', nullable: true }, { description: 'x' }] }, 'true null', '0'],
    [{ allOf: [{ type: 'boolean', nullable: true }, { type: 'boolean' }] }, 'true', 'null'],
    [{ allOf: [{ enum: [1], nullable: true }, { enum: [1, 2, null] }] }, '1 null', '2'],
    [
      { allOf: [{ items: { enum: [1, 2] } }, { items: { enum: [2, 3] }, minItems: 1 }] },
      '[2] [2,2]',
      '[] [1] [3]',
    ],
    [
      {
        type: 'object',
        properties: a,
        additionalProperties: false,
        anyOf: [{ properties: { b: { const: 1 } } }],
      },
      '{} {"a":""}',
      '{"b":1} {"a":"","b":1}',
    ],
    [
      {
        allOf: [
          { properties: a, additionalProperties: { type: 'integer' } },
          { properties: { b: { minimum: 5 } } },
        ],
      },
      '{"b":5}',
      '{"b":4} {"b":""}',
    ],
    [{ required: ['b'], additionalProperties: { const: 1 } }, '{"b":1}', '{"b":2}'],
    [{ enum: [1, 5, 9], minimum: 3, exclusiveMaximum: 9 }, '5', '1 9'],
    [{ enum: ['a', 'ab', 'abc', '😀'], minLength: 2, maxLength: 2 }, '"ab"', '"a" "abc" "😀"'],
    [{ enum: [[], [1]], minItems: 1 }, '[1]', '[]'],
    [{ const: 2, enum: [1, 2] }, '2', '1'],
    [{ enum: ['a', 'b'], allOf: [{ enum: ['b', 'c'] }] }, '"b"', '"a" "c"'],
    [{ enum: ['a', 'b', 'c'], anyOf: [{ const: 'a' }, { const: 'b' }] }, '"a" "b"', '"c"'],
    [{ allOf: [{ enum: [1, 5] }, { minimum: 3 }] }, '5', '1'],
    [{ $ref: '#/$defs/a', minimum: 3, maximum: 5, $defs: { a: { type: 'integer' } } }, '3 5', '2 6'],
    [{ $ref: '#/$defs/a', nullable: true, $defs: { a: { type: 'integer' } } }, '1 null', '""'],
    [{ $ref: '#/$defs/a', minimum: 3, nullable: true, $defs: { a: { type: 'integer' } } }, '3 null', '2'],
    [
      { allOf: [{ $ref: '#/$defs/a', maxLength: 3 }, { minLength: 2 }], $defs: { a: { type: 'string' } } },
      '"ab" "abc"',
      '"a" "abcd"',
    ],
    [
      {
        allOf: [{ $ref: '#/$defs/a', nullable: true }, { maximum: 5 }],
        $defs: { a: { type: 'integer', minimum: 3 } },
      },
      '3 null',
      '2 6',
    ],
    [{ type: 'string', format: 'uri', minLength: 1, maxLength: 2083 }, '"http://a.b"', '"" "no"'],
    [
      { propertyNames: { type: 'string' }, additionalProperties: { const: 1 }, 'x-order': 1 },
      '{} {"a":1}',
      '[] {"a":2}',
    ],
    [
      {
        discriminator: { propertyName: 'kind', mapping: { a: '#/$defs/a' } },
        oneOf: [{ $ref: '#/$defs/a' }],
        $defs: { a: { required: ['kind'], properties: { kind: { const: 'a' } } } },
      },
      '{"kind":"a"}',
      '{} {"kind":"b"}',
    ],
    [{ type: 'string', format: 'date', minLength: 1, maxLength: 10 }, '"2026-12-01"', '"2026" "ab"'],
  ] as [object, string, string][])('of several schemas at once all hold: %j', (schema, inside, outside) => {
    expect(fits(schema as JsonSchema, `${inside} ${outside}`.split(' '))).toEqual(inside.split(' '));
  });

  test.each([
    ['#/allOf/0/type', { type: 'string', allOf: [{ type: 'integer' }] }],
    ['#/allOf/1/enum', { allOf: [{ enum: [1] }, { enum: [2] }] }],
    ['#/allOf/1/pattern', { allOf: [{ pattern: '^a' }, { pattern: 'b$' }] }],
    ['#/allOf/0/anyOf', { allOf: [{ anyOf: [{ type: 'string' }] }], anyOf: [{ type: 'null' }] }],
    ['#/allOf/1/items', { allOf: [{ prefixItems: [{ type: 'integer' }] }, { items: { type: 'string' } }] }],
    ['#/allOf/type', { allOf: [{ enum: [1] }, { type: 'string' }] }],
    ['#/type', { type: 'string', const: 1 }],
    ['#/properties/b', { required: ['b'], additionalProperties: false }],
  ] as [string, JsonSchema][])('what cannot hold at once is refused at %s', (expected, schema) => {
    expect(path(schema)).toBe(expected);
  });

  test.each([
    [{ prefixItems: [{ const: 1 }, { const: 2 }] }, '[1,2]', '[] [1] [1,2,2]'],
    [{ prefixItems: [{ const: 1 }, { const: 2 }], maxItems: 1 }, '[1]', '[] [1,2]'],
    [{ prefixItems: [{ const: 1 }], maxItems: 0 }, '[]', '[1]'],
    [{ prefixItems: [{ const: 1 }], items: { const: 3 }, minItems: 3 }, '[1,3,3] [1,3,3,3]', '[1] [1,3]'],
    [{ prefixItems: [{ const: 1 }], items: { const: 3 }, maxItems: 2 }, '[1] [1,3]', '[] [1,3,3]'],
    [{ prefixItems: [{ const: 1 }], items: false, minItems: 1 }, '[1]', '[] [1,3]'],
    [{ items: false, type: 'array' }, '[]', '[1]'],
  ] as [object, string, string][])(
    'of a list whose first items are declared: %j',
    (schema, inside, outside) => {
      expect(fits(schema as JsonSchema, `${inside} ${outside}`.split(' '))).toEqual(inside.split(' '));
    },
  );

  test.each([
    [{ pattern: '^[a-z]+$', maxLength: 3 }, 'a abc', 'abcd 1'],
    [{ pattern: '^[a-z]*$', minLength: 2 }, 'ab abcdef', 'a'],
    [{ pattern: '^[a-z_][a-z0-9_]*$', minLength: 2, maxLength: 4 }, 'a1 _b_c', 'a abcde 1ab'],
    [{ pattern: '^(?:ab|cd)-\\d+?$', maxLength: 5 }, 'ab-1 cd-12', 'ab-123 ab-'],
    [{ pattern: '^x', maxLength: 3 }, 'x xyz', 'xyzz y'],
    [{ pattern: '^[\\]a]{2,}\\)$', maxLength: 4 }, ']a) aaa)', 'a) aaaa)'],
    [{ pattern: '^\\d{5}$', minLength: 5, maxLength: 5 }, '12345', '1234 123456'],
    [{ pattern: '^\\+?[1-9]\\d{1,14}$', maxLength: 16 }, '+4912345 12', '+4'],
    [{ pattern: '^(red|green|)$', maxLength: 65_535 }, 'red green', 'blue'],
    [{ pattern: 'ab|c', minLength: 1 }, 'ab xcx', 'a'],
    [{ pattern: '^.{1,3}$' }, 'ä \\t🐂', 'a\\nb \\u000a \\r abcd'],
    [{ pattern: '^a?🌍{2}$', maxLength: 3 }, '🌍🌍 a🌍🌍', '🌍'],
  ] as [object, string, string][])('of the length of a pattern: %j', (schema, inside, outside) => {
    const [within, beyond] = [inside, outside].map((texts) => texts.split(' ').map((text) => `"${text}"`));
    expect(fits({ type: 'string', ...schema }, [...within!, ...beyond!])).toEqual(within);
  });
});

test('an allOf of one reference may lead back to itself, and what stands beside an allOf holds as well', () => {
  const next = { title: 'Next', allOf: [{ $ref: '#/$defs/node' }] };
  const node = { type: 'object', properties: { next } };
  expect(() => grammarOfJsonSchema({ $ref: '#/$defs/node', $defs: { node } })).not.toThrow();
  const grammar = grammarOfJsonSchema({ enum: ['ant', 'bee'], allOf: [{ enum: ['bee', 'cat'] }] });
  expect(grammar).toContain('bee');
  expect(grammar).not.toMatch(/ant|cat/u);
});
