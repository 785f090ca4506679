import { isDeepStrictEqual } from 'node:util';
import { boundsOf } from './json-schema-number.ts';
import {
  countOf,
  invalid,
  isObject,
  isOfType,
  type Place,
  type SchemaObject,
  typesOf,
} from './json-schema-object.ts';

/** The values that `const` and `enum` list, as far as the words beside them allow. Refuses words that it cannot ask. */
export function listedValues(schema: SchemaObject, place: Place): unknown[] {
  const { const: only, enum: listed = [only] } = schema;
  if (!Array.isArray(listed) || listed.length === 0)
    throw invalid(`${place.path}/enum`, 'it is no list of values');
  const values = 'const' in schema ? listed.filter((value) => isDeepStrictEqual(value, only)) : listed;
  const types = 'type' in schema ? typesOf(schema, place) : null;
  const typed = values.filter((value) => types?.some((type) => isOfType(value, type)) ?? true);
  if (typed.length === 0) throw invalid(`${place.path}/type`, 'no value of the schema has it');
  refuseUnasked(typed, schema, place);
  const fits = fittingValues(schema, place);
  const fitting = typed.filter(fits);
  if (fitting.length === 0) throw invalid(place.path, 'no value of the schema fits the words beside it');
  return fitting;
}

/** Words on whose account a listed value of some kind would have to be looked into. */
const unasked: readonly [keywords: readonly string[], isConcerned: (value: unknown) => boolean][] = [
  [['pattern'], (value) => typeof value === 'string'],
  [['properties', 'required', 'additionalProperties'], isObject],
  [['items', 'prefixItems'], Array.isArray],
];

function refuseUnasked(values: readonly unknown[], schema: SchemaObject, place: Place): void {
  for (const [keywords, isConcerned] of unasked) {
    const keyword = keywords.find((one) => one in schema);
    if (keyword === undefined || !values.some(isConcerned)) continue;
    const why = 'listed values are not held to it';
    throw invalid(`${place.path}/${keyword}`, why, 'Remove it, and list only values that fit.');
  }
}

function fittingValues(schema: SchemaObject, place: Place): (value: unknown) => boolean {
  const { low, high } = boundsOf(schema, place);
  const within = (count: number, least: string, most: string): boolean =>
    count >= (countOf(schema, least, place) ?? 0) && count <= (countOf(schema, most, place) ?? count);
  return (value) => {
    if (typeof value === 'string') return within(Array.from(value).length, 'minLength', 'maxLength');
    if (Array.isArray(value)) return within(value.length, 'minItems', 'maxItems');
    if (typeof value !== 'number') return true;
    const isAbove = low === undefined || (low.isOpen ? value > low.value : value >= low.value);
    return isAbove && (high === undefined || (high.isOpen ? value < high.value : value <= high.value));
  };
}
