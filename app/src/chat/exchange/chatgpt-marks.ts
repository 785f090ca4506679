import { z } from 'zod';

/**
 * U+E200, the kind, fields that U+E202 parts, U+E201; icons of some fonts have these letters too, but no kind. At most
 * 100,000 characters, many times what a list of pictures has: over millions an expression runs out of stack.
 */
const markPattern = /\uE200(\w{1,100})(?:\uE202([^\uE200\uE201]{0,100000}))?\uE201/gu;
const fieldSeparator = '\uE202';

/** Kind, name, description. */
const entitySchema = z.tuple([z.string(), z.string()], z.unknown());

/** An answer as ChatGPT's page shows it: names and links in words; citations, which lead nowhere here, are left out. */
export function withoutMarks(answer: string): string {
  return answer
    .replaceAll(markPattern, (_, kind: string, fields = '') => shownAs(kind, fields.split(fieldSeparator)))
    .trim();
}

function shownAs(kind: string, [first = '', second = '']: readonly string[]): string {
  if (kind === 'entity') return nameOf(first);
  if (kind !== 'url' && kind !== 'link_title') return '';
  return /^https?:/u.test(second) ? `[${first}](${second})` : first;
}

function nameOf(entity: string): string {
  try {
    return entitySchema.parse(JSON.parse(entity))[1];
  } catch {
    return '';
  }
}
