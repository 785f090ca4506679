/** How many characters, or how often. */
interface Range {
  least: number;
  most: number;
}

/** A character, a class or a group, and how often it stands there. */
interface Piece {
  text: string;
  length: Range;
  times: Range;
}

/** What is left of a pattern. */
interface Cursor {
  rest: string;
}

const once: Range = { least: 1, most: 1 };
const unbounded = Number.POSITIVE_INFINITY;
const quantifier = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/u;
const atom = /^(?:\\.|\[\^?(?:\\.|[^\]\\])+\]|.)/su;

/**
 * The pattern where all that fits it has a length in the range anyhow; else, where only one character or class of it
 * has no fixed number, the pattern with bounds for that one; else null. It is one that `grammarOfPattern` takes.
 */
export function patternOfLength(pattern: string, wanted: Range): string | null {
  const pieces = piecesOf(pattern);
  const length = lengthOfAll(pieces);
  if (length.least >= wanted.least && length.most <= wanted.most) return pattern;
  const [open, ...others] = pieces.filter(({ length, times }) => !isFixed(length) || !isFixed(times));
  if (open === undefined || others.length > 0 || !isFixed(open.length) || open.length.least !== 1)
    return null;
  const around = length.least - open.times.least;
  const times = {
    least: Math.max(open.times.least, wanted.least - around),
    most: Math.min(open.times.most, wanted.most - around),
  };
  if (times.most < times.least) return null;
  return `^${pieces.map((piece) => repeated(piece.text, piece === open ? times : piece.times)).join('')}$`;
}

/** A pattern without an anchor at an end may have anything there. */
function piecesOf(pattern: string): Piece[] {
  const anything: Piece = { text: '.', length: once, times: { least: 0, most: unbounded } };
  const isAnchored = pattern.startsWith('^');
  const cursor = { rest: isAnchored ? pattern.slice(1) : pattern };
  const text = cursor.rest;
  const sequences = sequencesOf(cursor);
  const inside = sequences.length === 1 ? sequences.flat() : [alternatives(text, cursor, sequences)];
  return [...(isAnchored ? [] : [anything]), ...inside, ...(cursor.rest === '$' ? [] : [anything])];
}

function alternatives(text: string, { rest }: Cursor, sequences: Piece[][]): Piece {
  return {
    text: `(${text.slice(0, text.length - rest.length)})`,
    length: lengthOfAny(sequences),
    times: once,
  };
}

function sequencesOf(cursor: Cursor): Piece[][] {
  const sequences: Piece[][] = [];
  do sequences.push(sequenceOf(cursor));
  while (take(cursor, '|'));
  return sequences;
}

function sequenceOf(cursor: Cursor): Piece[] {
  const pieces: Piece[] = [];
  while (!/^(?:[|)]|\$?$)/u.test(cursor.rest)) pieces.push(pieceOf(cursor));
  return pieces;
}

function pieceOf(cursor: Cursor): Piece {
  const before = cursor.rest;
  const length = take(cursor, '(') ? lengthOfGroup(cursor) : lengthOfAtom(cursor);
  const text = before.slice(0, before.length - cursor.rest.length);
  return { text, length, times: timesOf(cursor) };
}

function lengthOfAtom(cursor: Cursor): Range {
  cursor.rest = cursor.rest.replace(atom, '');
  return once;
}

function lengthOfGroup(cursor: Cursor): Range {
  take(cursor, '?:');
  const length = lengthOfAny(sequencesOf(cursor));
  take(cursor, ')');
  return length;
}

function timesOf(cursor: Cursor): Range {
  const match = quantifier.exec(cursor.rest);
  if (!match) return once;
  const [all, sign, least, comma, most] = match;
  cursor.rest = cursor.rest.slice(all.length);
  if (sign !== undefined) return { least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : unbounded };
  if (comma === '') return { least: Number(least), most: Number(least) };
  return { least: Number(least), most: most === '' ? unbounded : Number(most) };
}

function take(cursor: Cursor, text: string): boolean {
  if (!cursor.rest.startsWith(text)) return false;
  cursor.rest = cursor.rest.slice(text.length);
  return true;
}

function lengthOfAny(sequences: Piece[][]): Range {
  const lengths = sequences.map(lengthOfAll);
  return {
    least: Math.min(...lengths.map(({ least }) => least)),
    most: Math.max(...lengths.map(({ most }) => most)),
  };
}

function lengthOfAll(pieces: Piece[]): Range {
  return pieces.reduce(
    (sum, { length, times }) => ({
      least: sum.least + length.least * times.least,
      most: sum.most + (length.most === 0 || times.most === 0 ? 0 : length.most * times.most),
    }),
    { least: 0, most: 0 },
  );
}

function isFixed({ least, most }: Range): boolean {
  return least === most;
}

function repeated(text: string, { least, most }: Range): string {
  if (least === 1 && most === 1) return text;
  return most === least ? `${text}{${least}}` : `${text}{${least},${most === unbounded ? '' : most}}`;
}
