import { isDeepStrictEqual } from 'node:util';
import { isSilent, lowerBounds, upperBounds } from './json-schema-keywords.ts';
import {
  invalid,
  isObject,
  type JsonType,
  type Place,
  type SchemaObject,
  typesOf,
  withNumericBounds,
} from './json-schema-object.ts';

/** Both at once, as `allOf` means it. Refuses by name what it cannot hold an answer to. */
export function mergeSchemas(first: SchemaObject, second: SchemaObject, place: Place): SchemaObject {
  const [left, right] = [binding(first, place), binding(second, place)];
  const merged: SchemaObject = { ...left, ...right };
  for (const keyword of Object.keys(left).filter((one) => one in right))
    merged[keyword] = mergeValues(keyword, [left, right], place);
  if ('properties' in merged) mergeProperties(merged, [left, right], place);
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    // There `items` would be those after the first ones, and not these too.
    if ('prefixItems' in one && 'items' in other && !('prefixItems' in other))
      throw differing('items', place);
  }
  return merged;
}

type Both = readonly [left: SchemaObject, right: SchemaObject];

/** What two schemas say by the same word. */
function mergeValues(keyword: string, both: Both, place: Place): unknown {
  const [left, right] = both.map((schema) => schema[keyword]);
  if (isDeepStrictEqual(left, right) || keyword === 'properties') return left;
  if (keyword === 'type') return commonTypes(both, place);
  if (keyword === 'items' || keyword === 'additionalProperties') return conjunction(left, right);
  if (typeof left === 'number' && typeof right === 'number') return stricter(keyword, [left, right], place);
  if (Array.isArray(left) && Array.isArray(right)) return mergeLists(keyword, [left, right], place);
  throw differing(keyword, place);
}

function stricter(keyword: string, both: readonly [number, number], place: Place): number {
  if (lowerBounds.has(keyword)) return Math.max(...both);
  if (upperBounds.has(keyword)) return Math.min(...both);
  throw differing(keyword, place);
}

function mergeLists(keyword: string, [left, right]: readonly [unknown[], unknown[]], place: Place): unknown {
  if (keyword === 'required') return [...new Set([...left, ...right])];
  if (keyword === 'enum') return commonValues(left, right, place);
  throw differing(keyword, place);
}

function commonTypes(both: Both, place: Place): JsonType[] {
  const [left, right] = both.map((schema) => typesOf(schema, place)) as [JsonType[], JsonType[]];
  const isIn = (types: JsonType[], type: JsonType): boolean =>
    types.includes(type) || (type === 'integer' && types.includes('number'));
  const common = [...left.filter((type) => isIn(right, type)), ...right.filter((type) => isIn(left, type))];
  if (common.length === 0) throw invalid(`${place.path}/type`, 'no type is left that all of them allow');
  return [...new Set(common)];
}

function commonValues(left: unknown[], right: unknown[], place: Place): unknown[] {
  const texts = new Set(right.map((value) => JSON.stringify(value)));
  const common = left.filter((value) => texts.has(JSON.stringify(value)));
  if (common.length === 0) throw invalid(`${place.path}/enum`, 'no value is left that all of them allow');
  return common;
}

/** A property that only one of them declares is an additional one to the other. */
function mergeProperties(merged: SchemaObject, both: Both, place: Place): void {
  const names = both.flatMap(({ properties = {} }) => {
    if (!isObject(properties)) throw invalid(`${place.path}/properties`, 'it is no object');
    return Object.keys(properties);
  });
  const properties = [...new Set(names)].map((name) => {
    const [left, right] = both.map((schema) => propertyOf(schema, name));
    return [name, conjunction(left, right)] as const;
  });
  const isClosed = merged['additionalProperties'] === false;
  merged['properties'] = Object.fromEntries(properties.filter(([, value]) => value !== false || !isClosed));
}

function propertyOf({ properties, additionalProperties = true }: SchemaObject, name: string): unknown {
  return isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
}

function conjunction(left: unknown, right: unknown): unknown {
  if (left === true || right === false || isDeepStrictEqual(left, right)) return right;
  if (right === true || left === false) return left;
  // Not one within the other: there may be many.
  const isOfMany = isObject(left) && Array.isArray(left['allOf']) && Object.keys(left).length === 1;
  return { allOf: [...(isOfMany ? (left['allOf'] as unknown[]) : [left]), right] };
}

/**
 * Without the words that only describe, among them `$defs`, which would be copied each time; and with one word for
 * what two can say.
 */
function binding(schema: SchemaObject, place: Place): SchemaObject {
  const entries = Object.entries(withNumericBounds(schema));
  const { nullable, ...plain } = Object.fromEntries(
    entries.filter(([keyword, value]) => !isSilent(keyword, value)),
  );
  if ('const' in plain) {
    plain['enum'] = [plain['const']];
    delete plain['const'];
  }
  return nullable === true ? withNull(plain, place) : plain;
}

function withNull(schema: SchemaObject, place: Place): SchemaObject {
  const { enum: values } = schema;
  return {
    ...schema,
    type: [...typesOf(schema, place), 'null'],
    ...(Array.isArray(values) ? { enum: [...(values as unknown[]), null] } : {}),
  };
}

function differing(keyword: string, place: Place): Error {
  return invalid(`${place.path}/${keyword}`, 'a grammar cannot hold to it and to what must fit beside it');
}
