// What one line is, by the rules of CommonMark as marked reads them.

export const listMarker = /^( {0,3})([-*+]|\d{1,9}[.)])(?:\s|$)/;
export const endsList = /^ {0,3}(?:#{1,6}\s|<[a-z/!]|`{3}|~{3}|([-*_])(?: *\1){2,} *$)/i;
/** A line that is a block by itself, so that the next one is in no paragraph. */
export const standsAlone = /^ {0,3}(?:#{1,6}(?:\s|$)|([-*_])(?: *\1){2,} *$)/;
export const definition = /^ {0,3}\[[^\]]+\]: *\S+(?: +(?:"[^"]*"|'[^']*'|\([^()]*\)))? *$/;
export const htmlBlock =
  /^ {0,3}<\/?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|meta|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)(?:[\s/>]|$)/i;
/** After such a line of an item a line with less indentation is not joined to it. */
export const endsParagraph = /^(?: {4}| {0,3}(?:`{3}|~{3}|#{1,6}(?:\s|$)|([-*_])(?: *\1){2,} *$))/;
export const htmlUntilBlankNever = /^ {0,3}<(pre|script|style|textarea|details)\b/i;

/** Tabs as far as the next fourth column, where they stand before text. */
export function expandTabs(line: string): string {
  const end = line.search(/\S/);
  let columns = 0;
  for (const character of line.slice(0, end)) columns += character === '\t' ? 4 - (columns % 4) : 1;
  return ' '.repeat(columns) + line.slice(end);
}

/** Where the text of a list item begins. */
export function contentColumn(line: string, marker: RegExpExecArray): number {
  const width = marker[0].trimEnd().length;
  const before = ' '.repeat(width);
  const gap = expandTabs(before + line.slice(width)).search(/\S/) - width;
  return width + (gap < 1 || gap > 4 ? 1 : gap);
}
