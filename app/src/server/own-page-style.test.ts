import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownPageStyle } from './own-page-style.ts';

const tokens = readFileSync(
  join(import.meta.dirname, '..', '..', '..', 'web', 'src', 'styles', 'tokens.css'),
  'utf8',
);
const colours = (css = ''): Map<string, string> =>
  new Map(Array.from(css.matchAll(/--([\w-]+): (oklch\([^)]+\))/g), ([, name, colour]) => [name!, colour!]));

test.each([
  ['light', 0],
  ['dark', 1],
])('the pages that the server writes itself have the colours of the page, %s', (_theme, at) => {
  const own = colours(ownPageStyle.split('@media')[at]);
  const ofPage = colours(tokens.split(":root[data-theme='dark']")[at]);
  expect(own.size).toBeGreaterThan(5);
  for (const [name, colour] of own) expect([name, colour]).toEqual([name, ofPage.get(name)]);
});
