const words = (text: string): Set<string> => new Set(text.split(' '));

/** Words that describe and do not bind. */
export const silentKeywords = words(
  '$schema $id $comment $anchor $defs definitions title description default examples example deprecated ' +
    'readOnly writeOnly contentEncoding contentMediaType strict',
);

/** Words that this converter turns into grammar. */
export const knownKeywords = words(
  'type enum const $ref anyOf oneOf allOf nullable properties required additionalProperties items prefixItems ' +
    'minItems maxItems minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum',
);

/** Words of which the greater value binds, and those of which the smaller one does. */
export const lowerBounds = words('minimum exclusiveMinimum minLength minItems');
export const upperBounds = words('maximum exclusiveMaximum maxLength maxItems');
