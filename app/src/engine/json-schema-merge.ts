import { lowerBounds, silentKeywords, upperBounds } from './json-schema-keywords.ts';
import { isObject, type SchemaObject, withNumericBounds } from './json-schema-object.ts';

/** Both at once, as `allOf` means it. */
export function mergeSchemas(first: SchemaObject, second: SchemaObject): SchemaObject {
  const [left, right] = [binding(first), binding(second)];
  const merged: SchemaObject = { ...left, ...right };
  for (const [keyword, value] of Object.entries(left)) {
    const other = right[keyword];
    if (typeof value !== 'number' || typeof other !== 'number') continue;
    if (lowerBounds.has(keyword)) merged[keyword] = Math.max(value, other);
    if (upperBounds.has(keyword)) merged[keyword] = Math.min(value, other);
  }
  if (isObject(left['properties']) && isObject(right['properties'])) {
    merged['properties'] = { ...left['properties'], ...right['properties'] };
  }
  if (Array.isArray(left['required']) && Array.isArray(right['required'])) {
    merged['required'] = [
      ...new Set([...(left['required'] as unknown[]), ...(right['required'] as unknown[])]),
    ];
  }
  return merged;
}

/** Without the words that only describe, among them `$defs`, which would be copied each time. */
function binding(schema: SchemaObject): SchemaObject {
  const entries = Object.entries(withNumericBounds(schema));
  return Object.fromEntries(entries.filter(([keyword]) => !silentKeywords.has(keyword)));
}
