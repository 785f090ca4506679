import { knownKeywords } from './json-schema-keywords.ts';
import { AppError } from '../contracts/app-error.ts';

/** A client sends the schema; its grammar is compiled and walked at every token. */
export const schemaLimits = {
  /** The largest schemas in use have 20 KB. */
  textBytes: 64 * 1024,
  /** Deeper nesting than this is a program's mistake. */
  depth: 32,
  /** The grammar grows with every rule; the compiler has a deadline of its own. */
  rules: 4_000,
  /** Several times what the largest schemas become, and well below what fits in a frame to the engine. */
  grammarCharacters: 1024 * 1024,
  /** What is merged is converted anew at each place, in the server's own thread: this much takes half a second. */
  writtenCharacters: 1024 * 1024,
  /** What `{}` counts for: it takes as long as many a longer one. */
  leastCharacters: 64,
  /** Each character of a name makes a rule where the names of others must not be the same. */
  nameCharacters: 256,
  /** The engine unrolls repetitions. */
  repetitions: 2_000,
} as const;

export type SchemaObject = Record<string, unknown>;

/** Where in the schema something stands, for messages and for the bound on nesting. */
export interface Place {
  path: string;
  depth: number;
}

const jsonTypes = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type JsonType = (typeof jsonTypes)[number];

/** The types a value may have: stated, or meant by the other words. */
export function typesOf(schema: SchemaObject, place: Place): JsonType[] {
  const given = schema['type'];
  if (given === undefined) return impliedTypes(schema);
  const types = Array.isArray(given) ? (given as unknown[]) : [given];
  for (const type of types) {
    if (!(jsonTypes as readonly unknown[]).includes(type)) {
      throw invalid(`${place.path}/type`, `there is no type ${JSON.stringify(type)}`);
    }
  }
  if (types.length === 0) throw invalid(`${place.path}/type`, 'it is empty');
  return [...new Set(types as JsonType[])];
}

export function isOfType(value: unknown, type: JsonType): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  return type === 'object' ? isObject(value) : typeof value === type;
}

/** What a schema without a type means by its other words. */
const implications: readonly [type: JsonType, keywords: readonly string[]][] = [
  ['object', ['properties', 'required', 'additionalProperties']],
  ['array', ['items', 'prefixItems', 'minItems', 'maxItems']],
  ['string', ['minLength', 'maxLength', 'format', 'pattern']],
  ['number', ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']],
];

function impliedTypes(schema: SchemaObject): JsonType[] {
  const implied = implications.find(([, keywords]) => keywords.some((keyword) => keyword in schema));
  return implied ? [implied[0]] : ['null', 'boolean', 'number', 'string', 'array', 'object'];
}

/** Draft 4 and OpenAPI 3.0 say by `true` or `false` whether the bound beside it is exclusive. */
export function withNumericBounds(schema: SchemaObject): SchemaObject {
  const plain = { ...schema };
  for (const [bound, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    if (typeof schema[exclusive] !== 'boolean') continue;
    delete plain[exclusive];
    if (!schema[exclusive] || !(bound in schema)) continue;
    plain[exclusive] = schema[bound];
    delete plain[bound];
  }
  return plain;
}

export function numberOf(schema: SchemaObject, keyword: string, place: Place): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw invalid(`${place.path}/${keyword}`, 'it is no number');
}

export function countOf(
  schema: SchemaObject,
  keyword: string,
  place: Place,
  most: number = schemaLimits.repetitions,
): number | undefined {
  const value = numberOf(schema, keyword, place);
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= most)) return value;
  throw invalid(`${place.path}/${keyword}`, `it is no whole number from 0 to ${most}`);
}

export function namesOf(value: unknown, place: Place): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return value;
  throw invalid(`${place.path}/required`, 'it is no list of names');
}

export function deeper(place: Place, step: string): Place {
  return { path: `${place.path}/${step}`, depth: place.depth + 1 };
}

/** The steps from the root to what a reference names. */
export function keysOf(reference: string, path: string): string[] {
  try {
    return decodeURIComponent(reference)
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    throw invalid(path, `"${reference.slice(0, 100)}" is no reference`);
  }
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What every refusal here looks like. */
export function invalid(path: string, why: string, hint = 'Simplify the schema at this place.'): AppError {
  return new AppError('grammar-invalid', `The JSON schema cannot be used: at ${path}, ${why}.`, {
    hint,
    details: { field: 'sampling.jsonSchema', path },
  });
}

/** Whether words beside `allOf`, `anyOf` or `oneOf` demand something too. */
export const binds = (beside: SchemaObject): boolean =>
  Object.keys(beside).some((key) => knownKeywords.has(key) && key !== 'nullable');

/** What a schema refers to where it says nothing else. */
export function referenceIn(schema: unknown): string | null {
  if (!isObject(schema)) return null;
  const { $ref: reference, allOf, ...beside } = schema;
  if (typeof reference === 'string') return reference;
  return Array.isArray(allOf) && allOf.length === 1 && !binds(beside) ? referenceIn(allOf[0]) : null;
}
