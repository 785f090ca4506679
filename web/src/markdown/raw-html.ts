/** The tags a model may write as HTML; everything else is shown as the text it is. */
const allowedTags = new Set([
  'br',
  'sub',
  'sup',
  'kbd',
  'details',
  'summary',
  'b',
  'i',
  'em',
  'strong',
  'u',
  's',
]);
const tagPattern = /<(\/?)([a-z]+)(?:\s[^<>]*)?\/?>/gi;

export type HtmlPiece =
  | { type: 'text'; text: string }
  | { type: 'open'; tag: string }
  | { type: 'close'; tag: string }
  | { type: 'break' };

/** A piece of raw HTML as tags of the list above and text. Attributes are dropped. */
export function readHtml(raw: string): HtmlPiece[] {
  const pieces: HtmlPiece[] = [];
  let at = 0;
  const text = (until: number): void => {
    if (until > at) pieces.push({ type: 'text', text: raw.slice(at, until) });
  };
  for (const match of raw.matchAll(tagPattern)) {
    const tag = (match[2] ?? '').toLowerCase();
    if (!allowedTags.has(tag)) continue;
    text(match.index);
    at = match.index + match[0].length;
    if (tag === 'br') pieces.push({ type: 'break' });
    else pieces.push({ type: match[1] ? 'close' : 'open', tag });
  }
  text(raw.length);
  return pieces;
}
