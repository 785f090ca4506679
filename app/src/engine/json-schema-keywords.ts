const words = (text: string): Set<string> => new Set(text.split(' '));

/** Words that describe and do not bind; what a `discriminator` says, the choice beside it says as well. */
const silentKeywords = words(
  '$schema $id $comment $anchor $defs definitions title description markdownDescription default examples example ' +
    'deprecated readOnly writeOnly contentEncoding contentMediaType strict discriminator',
);

/** Names of objects are texts anyway, which some libraries say of every record. */
const isText = (value: unknown): boolean =>
  value === true || JSON.stringify(value) === JSON.stringify({ type: 'string' });

/** Whether a word demands nothing. Those that begin with x- are for programs that know them. */
export function isSilent(keyword: string, value: unknown): boolean {
  if (keyword === 'propertyNames') return isText(value);
  return silentKeywords.has(keyword) || keyword.startsWith('x-');
}

/** Words that this converter turns into grammar. */
export const knownKeywords = words(
  'type enum const $ref anyOf oneOf allOf nullable properties required additionalProperties items prefixItems ' +
    'minItems maxItems minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum',
);

/** Words of which the greater value binds, and those of which the smaller one does. */
export const lowerBounds = words('minimum exclusiveMinimum minLength minItems');
export const upperBounds = words('maximum exclusiveMaximum maxLength maxItems');
