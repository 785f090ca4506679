import { createContext, createElement, useContext, type ReactNode } from 'react';

/** The heading depths that a text uses, as digits in order, for instance `24`. */
export const HeadingDepths = createContext('123456');

/** Above an answer stand the chat's title and who speaks. */
const firstLevel = 3;

export interface HeadingProps {
  depth: number;
  dir: 'auto' | undefined;
  children: ReactNode;
}

/** Headings of an answer continue those of the page without a gap, whatever depth the model began with. */
export function Heading({ depth, dir, children }: HeadingProps) {
  const rank = Math.max(0, useContext(HeadingDepths).indexOf(String(depth)));
  return createElement(`h${Math.min(6, firstLevel + rank)}`, { dir, 'data-depth': depth }, children);
}

const marks = /^ {0,3}(#{1,6})\s/gm;
const underlines = /^[^\s#>-].*\n {0,3}(=+|-{2,})\s*$/gm;

export function headingDepths(text: string): string {
  const depths = new Set<number>();
  for (const match of text.matchAll(marks)) depths.add(match[1]?.length ?? 1);
  for (const match of text.matchAll(underlines)) depths.add(match[1]?.startsWith('=') ? 1 : 2);
  return [...depths].sort((left, right) => left - right).join('');
}
