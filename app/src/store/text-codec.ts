/**
 * Text as a database can hold it. PostgreSQL refuses U+0000 and neither database keeps a lone surrogate, yet people
 * paste both and models emit the former. They are escaped on the way in and restored on the way out, so that what was
 * stored comes back unit for unit. U+F8FF (private use) introduces an escape and is escaped itself.
 */
const escape = '\uF8FF';
const zero = String.fromCharCode(0);
const mustEscape = new RegExp(
  `[${zero}${escape}]|[\\uD800-\\uDBFF](?![\\uDC00-\\uDFFF])|(?<![\\uD800-\\uDBFF])[\\uDC00-\\uDFFF]`,
  'g',
);
const escaped = /\uF8FF([0-9a-f]{4})/g;

function isPlain(text: string): boolean {
  return !text.includes(zero) && !text.includes(escape) && text.isWellFormed();
}

export function encodeText(text: string): string {
  if (isPlain(text)) return text;
  return text.replace(mustEscape, (unit) => escape + unit.charCodeAt(0).toString(16).padStart(4, '0'));
}

export function decodeText(text: string): string {
  if (!text.includes(escape)) return text;
  return text.replace(escaped, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** A row as the program sees it. */
export function decodeRow<Row extends Record<string, unknown>>(row: Row): Row {
  const target: Record<string, unknown> = row;
  for (const name in target) {
    const value = target[name];
    if (typeof value === 'string') target[name] = decodeText(value);
  }
  return row;
}
