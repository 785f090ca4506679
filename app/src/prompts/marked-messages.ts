import { AppError } from '../contracts/app-error.ts';
import type { PromptMessage } from '../contracts/messages.ts';
import { joinSegments, type PromptSegment } from './segments.ts';

/**
 * Finds out which part of a rendered template is whose. Every message is wrapped in two private-use characters
 * that occur nowhere else; they are set inside its outer blanks, so that a template's `trim` still works.
 */
export interface MarkedMessages {
  messages: PromptMessage[];
  /** The rendered text cut at the marks, or null where the template took the marked text apart. */
  cut(rendered: string): PromptSegment[] | null;
  /** The rendered text without marks. */
  strip(rendered: string): string;
}

/** Planes 15 and 16 hold nothing but private-use characters. */
const firstMark = 0xf_0000;
const lastMark = 0x10_fffd;

/** `count` characters that occur in none of the texts. */
export function unusedMarks(texts: readonly string[], count: number): string[] {
  const used = new Set<number>();
  for (const text of texts) {
    for (const match of text.matchAll(/[\u{f0000}-\u{10ffff}]/gu)) used.add(match[0].codePointAt(0) ?? 0);
  }
  const marks: string[] = [];
  for (let code = firstMark; code <= lastMark && marks.length < count; code++) {
    const isNoncharacter = (code & 0xfffe) === 0xfffe;
    if (!isNoncharacter && !used.has(code)) marks.push(String.fromCodePoint(code));
  }
  if (marks.length < count)
    throw new AppError('bad-request', 'The chat has too many messages to be rendered.');
  return marks;
}

export function markMessages(messages: readonly PromptMessage[], marks: readonly string[]): MarkedMessages {
  const ends = new Map<string, { message: number; opens: boolean }>();
  const marked = messages.map((message, index) => {
    const body = message.content.trim();
    const open = marks[2 * index];
    const close = marks[2 * index + 1];
    if (body === '' || open === undefined || close === undefined) return { ...message };
    ends.set(open, { message: index, opens: true });
    ends.set(close, { message: index, opens: false });
    const start = message.content.indexOf(body);
    return {
      role: message.role,
      content:
        message.content.slice(0, start) + open + body + close + message.content.slice(start + body.length),
    };
  });
  const splitter = new RegExp(`([${[...ends.keys()].join('')}])`, 'u');
  const pieces = (rendered: string): string[] => (ends.size === 0 ? [rendered] : rendered.split(splitter));
  return {
    messages: marked,
    cut: (rendered) => cutAtMarks(pieces(rendered), ends),
    strip: (rendered) =>
      pieces(rendered)
        .filter((piece) => !ends.has(piece))
        .join(''),
  };
}

function cutAtMarks(
  pieces: readonly string[],
  ends: ReadonlyMap<string, { message: number; opens: boolean }>,
): PromptSegment[] | null {
  const segments: PromptSegment[] = [];
  let inside: number | null = null;
  /** The template's text since the last message: it belongs to the message that follows. */
  let before = '';
  for (const piece of pieces) {
    const end = ends.get(piece);
    if (!end) {
      if (inside === null) before += piece;
      else segments.push({ text: piece, special: false, message: inside });
    } else if (end.opens) {
      if (inside !== null) return null;
      inside = end.message;
      segments.push({ text: before, special: true, message: inside });
      before = '';
    } else {
      if (inside !== end.message) return null;
      inside = null;
    }
  }
  if (inside !== null) return null;
  segments.push({ text: before, special: true, message: null });
  return joinSegments(segments);
}

/**
 * For templates that take their messages apart: every control token inside what people typed is broken by a mark,
 * and the rendered text is cut there, so that no piece holds a whole one.
 */
export function breakControlTexts(
  messages: readonly PromptMessage[],
  controlTexts: readonly string[],
  mark: string,
): PromptMessage[] {
  const dangerous = controlTexts.filter((text) => text.length > 1).sort((a, b) => b.length - a.length);
  if (dangerous.length === 0) return messages.map((message) => ({ ...message }));
  // A look-ahead finds control texts that overlap each other, too.
  const pattern = new RegExp(`(?=${dangerous.map(escapeForPattern).join('|')})([\\s\\S])`, 'gu');
  return messages.map(({ role, content }) => ({ role, content: content.replace(pattern, `$1${mark}`) }));
}

/** Who said what in the broken rendering, as well as it can be told: for counts only. */
export function cutBroken(
  rendered: string,
  mark: string,
  told: { messages: readonly PromptMessage[]; controlTexts: readonly string[] },
): PromptSegment[] {
  const segments: PromptSegment[] = [];
  const ends = messageEnds(rendered.replaceAll(mark, ''), told.messages);
  const control = patternOf(told.controlTexts);
  let offset = 0;
  for (const piece of rendered.split(mark)) {
    // A cut inside one of the template's control tokens would make text of it: the token goes as a whole.
    for (const part of control ? piece.split(control) : [piece]) {
      const isControl = told.controlTexts.includes(part);
      let rest = part;
      while (rest !== '') {
        const next = ends.find((end) => end.end > offset);
        const length = next && !isControl ? Math.min(rest.length, next.end - offset) : rest.length;
        segments.push({ text: rest.slice(0, length), special: true, message: next?.message ?? null });
        rest = rest.slice(length);
        offset += length;
      }
    }
  }
  return segments;
}

function patternOf(controlTexts: readonly string[]): RegExp | null {
  const texts = controlTexts.filter((text) => text !== '').sort((a, b) => b.length - a.length);
  return texts.length === 0 ? null : new RegExp(`(${texts.map(escapeForPattern).join('|')})`, 'u');
}

const tailChars = [64, 32, 16, 8];

function messageEnds(plain: string, messages: readonly PromptMessage[]): { message: number; end: number }[] {
  const ends: { message: number; end: number }[] = [];
  let from = 0;
  for (const [index, message] of messages.entries()) {
    // The end of a message survives the usual surgery (dropping a thought before it).
    const tails = tailChars.map((chars) => message.content.trim().slice(-chars));
    const tail = tails.find((text) => text !== '' && plain.indexOf(text, from) >= 0);
    if (tail === undefined) continue;
    const at = plain.indexOf(tail, from);
    from = at + tail.length;
    ends.push({ message: index, end: from });
  }
  return ends;
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&');
}
