import type { JsonSchema } from '../../contracts/sampling.ts';
import type { Flavour } from './flavours.ts';
import { isRecord } from './service-values.ts';

/** `response_format` for a schema: what asks for JSON of any form is said as services have always known it. */
export function responseFormat({ schemasOnly }: Flavour, schema: JsonSchema): object {
  const anyObject = asksForAny(schema);
  if (anyObject && !schemasOnly) return { type: 'json_object' };
  const strict = isStrict(schema) ? { strict: true } : {};
  return {
    type: 'json_schema',
    json_schema: { name: 'answer', ...strict, schema: anyObject ? any : schema },
  };
}

const any = { type: 'object' };

function asksForAny(schema: JsonSchema): boolean {
  if (!isRecord(schema)) return schema;
  return Object.keys(schema).every((key) => key === 'type' && schema[key] === 'object');
}

/** Keywords that OpenAI refuses in its strict form. */
const notStrict = [
  'allOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'default',
  'prefixItems',
  'contains',
  'patternProperties',
  'propertyNames',
  'dependentRequired',
  'dependentSchemas',
  'unevaluatedProperties',
];

/** Where it is not of this form, a service that would refuse it as strict keeps to it as well as it can. */
function isStrict(schema: JsonSchema): boolean {
  if (!isRecord(schema) || schema['type'] !== 'object') return false;
  // A list instead of a recursion: how deep a schema is somebody else decides.
  const waiting: unknown[] = [schema];
  for (const node of waiting) {
    if (!isRecord(node) || !isClosed(node)) return false;
    waiting.push(...partsOf(node));
  }
  return true;
}

/** An object says all that may be in it, and all of that must be. */
function isClosed(node: Record<string, unknown>): boolean {
  if (notStrict.some((keyword) => keyword in node)) return false;
  const { type, properties, required, additionalProperties } = node;
  const isObject = type === 'object' || (Array.isArray(type) && type.includes('object'));
  if (!isObject && properties === undefined) return true;
  const names = isRecord(properties) ? Object.keys(properties) : [];
  const needed: unknown[] = Array.isArray(required) ? required : [];
  return additionalProperties === false && names.every((name) => needed.includes(name));
}

function partsOf({ properties, $defs, definitions, items, anyOf }: Record<string, unknown>): unknown[] {
  const named = [properties, $defs, definitions].filter(isRecord).flatMap((one) => Object.values(one));
  return [
    ...named,
    ...(items === undefined ? [] : [items]),
    ...(Array.isArray(anyOf) ? (anyOf as unknown[]) : []),
  ];
}
