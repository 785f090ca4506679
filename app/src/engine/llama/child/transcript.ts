import type { PromptSegment } from '../../../prompts/segments.ts';

/** The text of a prompt, and from where on the template (or somebody else) wrote it. */
export interface TypedText {
  text: string;
  marks: { start: number; special: boolean }[];
}

/** A prompt and its answer as text and as the very ids that were read and drawn. */
export interface Transcript {
  prompt: TypedText;
  answer: string;
  ids: Int32Array;
}

export function typedText(segments: readonly PromptSegment[]): TypedText {
  const marks: TypedText['marks'] = [];
  let text = '';
  for (const segment of segments) {
    if (marks.at(-1)?.special !== segment.special)
      marks.push({ start: text.length, special: segment.special });
    text += segment.text;
  }
  return { text, marks };
}

/**
 * Where a new prompt goes on after an earlier one and its answer: then the ids that the model drew can be kept,
 * instead of tokenising its answer anew and perhaps differently. Null when it does not begin as they did.
 * What the template wrote must have been written by the template again, and what was said, said; only the blanks
 * around the answer are nobody's, because templates put them where the model writes them itself.
 */
export function endOfKnown(prompt: TypedText, earlier: Transcript): number | null {
  const known = earlier.prompt.text.trimEnd();
  const answer = earlier.answer.trim();
  if (answer === '' || !prompt.text.startsWith(known)) return null;
  const start = known.length + blanksAt(prompt.text, known.length);
  const end = start + answer.length;
  if (!prompt.text.startsWith(answer, start)) return null;
  const isSameWriter = isAlike(prompt, earlier.prompt, known.length);
  if (!isSameWriter || isAnySpecial(prompt, start, end)) return null;
  // The ids hold the blanks that the answer ended with, so what of them stands here is not to be read again.
  const drawn = earlier.answer.slice(earlier.answer.trimEnd().length);
  return end + commonLength(prompt.text.slice(end, end + drawn.length), drawn);
}

/** The segments that are left after the first `length` characters. */
export function segmentsAfter(segments: readonly PromptSegment[], length: number): PromptSegment[] {
  let skipped = 0;
  const rest: PromptSegment[] = [];
  for (const segment of segments) {
    const cut = Math.min(segment.text.length, Math.max(0, length - skipped));
    skipped += segment.text.length;
    if (cut < segment.text.length) rest.push({ ...segment, text: segment.text.slice(cut) });
  }
  return rest;
}

function blanksAt(text: string, offset: number): number {
  const rest = text.slice(offset, offset + 64);
  return rest.length - rest.trimStart().length;
}

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

function isAlike(one: TypedText, other: TypedText, length: number): boolean {
  const bounds = [0, ...one.marks.map((mark) => mark.start), ...other.marks.map((mark) => mark.start)];
  return bounds.every((at) => at >= length || isSpecialAt(one, at) === isSpecialAt(other, at));
}

function isAnySpecial(text: TypedText, start: number, end: number): boolean {
  if (isSpecialAt(text, start)) return true;
  return text.marks.some((mark) => mark.special && mark.start > start && mark.start < end);
}

function isSpecialAt(text: TypedText, offset: number): boolean {
  let special = false;
  for (const mark of text.marks) {
    if (mark.start > offset) break;
    special = mark.special;
  }
  return special;
}
