import { fenceAt, type Fence } from './code-fence.ts';

export type Piece = { start: number } & (
  | { type: 'text'; text: string }
  | { type: 'code'; code: string; language: string }
);

interface Mark extends Fence {
  /** Where the next line begins. */
  end: number;
  /** What follows it in its line: the language, if it opens a fence. */
  rest: string;
}

/** The lines that may open or close a fence. What is indented is shown as it is. */
function marksOf(text: string): Mark[] {
  const marks: Mark[] = [];
  for (let start = 0; start < text.length;) {
    const lineEnd = text.indexOf('\n', start);
    const end = lineEnd === -1 ? text.length + 1 : lineEnd + 1;
    const line = /^[`~]/.test(text[start] ?? '') ? text.slice(start, end - 1).trimEnd() : '';
    const fence = fenceAt(line, start);
    if (fence) marks.push({ ...fence, end, rest: line.slice(fence.length) });
    start = end;
  }
  return marks;
}

/** For each mark the index of the one that would close it. */
function closingIn(marks: readonly Mark[]): (opening: number) => number {
  /** By its character the shortest that nothing closes: for those below it nobody needs to look to the end again. */
  const unclosed = new Map<string, number>();
  return (opening) => {
    const { marker = '', length = 0 } = marks[opening] ?? {};
    if (length >= (unclosed.get(marker) ?? Infinity)) return -1;
    for (let index = opening + 1; index < marks.length; index++) {
      const mark = marks[index];
      if (mark?.rest === '' && mark.marker === marker && mark.length >= length) return index;
    }
    unclosed.set(marker, length);
    return -1;
  };
}

/** Without the blank lines around it. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === '\n') start += 1;
  while (end > start && text[end - 1] === '\n') end -= 1;
  return text.slice(start, end);
}

/** What a person wrote: shown as typed, except fenced code, which is shown as code. */
export function writtenPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  const marks = marksOf(text);
  const closing = closingIn(marks);
  let at = 0;
  const push = (end: number): void => {
    const between = trimmed(text.slice(at, end));
    if (between !== '') pieces.push({ start: at, type: 'text', text: between });
  };
  for (let index = 0; index < marks.length; index++) {
    const opening = marks[index];
    const last = closing(index);
    const close = marks[last];
    if (!opening || !close) continue;
    push(opening.start);
    const code = text.slice(opening.end, Math.max(opening.end, close.start - 1));
    const [language = ''] = opening.rest.trim().split(/\s+/);
    pieces.push({ start: opening.start, type: 'code', code, language });
    at = close.end - 1;
    index = last;
  }
  push(text.length);
  return pieces;
}
