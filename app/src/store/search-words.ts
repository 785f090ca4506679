import type { Excerpt } from '../contracts/chats.ts';

/** Words as the search sees them: without case and diacritics. Both databases and the excerpts agree on this. */
const wordPattern = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;
/** Scripts written without spaces: a "word" there is a whole sentence, so they are searched as substrings. */
const unspacedScript =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** A query of more words would only slow the index down. */
const maxQueryWords = 16;
const excerptCharacters = 200;
const charactersBeforeHit = 60;
/** How many hits in one message are looked at for the best place. */
const maxHitsLookedAt = 50;

export function foldWord(word: string): string {
  return word.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

export interface QueryWord {
  folded: string;
  /** Whole characters, for an index that folds in its own way. */
  written: string;
}

export function queryWords(text: string): QueryWord[] {
  const words = new Map<string, QueryWord>();
  for (const [word] of text.normalize('NFC').matchAll(wordPattern)) {
    const folded = foldWord(word);
    if (folded !== '' && !words.has(folded)) words.set(folded, { folded, written: word });
  }
  return [...words.values()].slice(0, maxQueryWords);
}

/** PostgreSQL holds at most 1 MB of words for one row, and none longer than 2 KB. */
const maxIndexedCharacters = 2_000_000;
const maxIndexedBytes = 500_000;
const maxWordCharacters = 500;

/** The different words of a text, as far as an index can hold them. */
export function indexWords(text: string): string[] {
  const words = new Set<string>();
  let bytes = 0;
  for (const [word] of text.slice(0, maxIndexedCharacters).matchAll(wordPattern)) {
    const folded = foldWord(word).slice(0, maxWordCharacters);
    if (folded === '' || words.has(folded)) continue;
    bytes += Buffer.byteLength(folded);
    if (bytes > maxIndexedBytes) break;
    words.add(folded);
  }
  return [...words];
}

/** What stands between blanks, where a part of it is of a script without spaces; else nothing. */
export function queryParts(text: string): string[] {
  if (!unspacedScript.test(text)) return [];
  // A sign alone, such as a dash between two words, is none of what is sought.
  return [...new Set(text.split(/\s+/u))]
    .filter((part) => /[\p{L}\p{N}]/u.test(part))
    .slice(0, maxQueryWords);
}

export interface Hit {
  start: number;
  end: number;
  /** Which of the query's words it is. */
  word: number;
}

/** Where the words stand in a text; the last one also as the beginning of a longer word. */
export function findWords(text: string, words: readonly string[]): Hit[] {
  const hits: Hit[] = [];
  const last = words.length - 1;
  for (const match of text.matchAll(wordPattern)) {
    const folded = foldWord(match[0]);
    const word = words.findIndex(
      (wanted, at) => folded === wanted || (at === last && folded.startsWith(wanted)),
    );
    if (word >= 0) hits.push({ start: match.index, end: match.index + match[0].length, word });
    if (hits.length >= maxHitsLookedAt) break;
  }
  return hits;
}

/** Of letters only the case of A to Z is the same, as in `like` of both databases; no text changes its length by that. */
export function findParts(text: string, parts: readonly string[]): Hit[] {
  const folded = foldLatin(text);
  return parts
    .flatMap((part, word) => findPart(folded, foldLatin(part), word))
    .toSorted((one, other) => one.start - other.start)
    .slice(0, maxHitsLookedAt);
}

function findPart(text: string, part: string, word: number): Hit[] {
  const hits: Hit[] = [];
  for (
    let at = text.indexOf(part);
    at >= 0 && hits.length < maxHitsLookedAt;
    at = text.indexOf(part, at + part.length)
  )
    hits.push({ start: at, end: at + part.length, word });
  return hits;
}

const foldLatin = (text: string): string => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());

export interface Place {
  excerpt: Excerpt;
  /** How many different words of the query stand close together there. */
  closeWords: number;
}

/** The place in the text where most of the words stand together. */
export function bestPlace(text: string, hits: readonly Hit[]): Place {
  let best = { at: 0, closeWords: 0 };
  for (const [at, hit] of hits.entries()) {
    const near = hits
      .slice(at)
      .filter((other) => other.end <= hit.start + excerptCharacters - charactersBeforeHit);
    const closeWords = new Set(near.map((other) => other.word)).size;
    if (closeWords > best.closeWords) best = { at, closeWords };
  }
  const first = hits[best.at];
  const from = wholeCharacter(text, Math.max(0, (first?.start ?? 0) - charactersBeforeHit));
  const to = wholeCharacter(text, Math.min(text.length, from + excerptCharacters));
  return { excerpt: cut(text, { from, to, hits }), closeWords: best.closeWords };
}

function cut(text: string, window: { from: number; to: number; hits: readonly Hit[] }): Excerpt {
  const pieces: Excerpt = [];
  const push = (from: number, to: number, hit: boolean): void => {
    if (to > from) pieces.push({ text: text.slice(from, to), hit });
  };
  let at = window.from;
  for (const hit of window.hits) {
    if (hit.start < at || hit.end > window.to) continue;
    push(at, hit.start, false);
    push(hit.start, hit.end, true);
    at = hit.end;
  }
  push(at, window.to, false);
  if (window.from > 0 && pieces[0]) pieces[0].text = `…${pieces[0].text}`;
  if (window.to < text.length) pieces.push({ text: '…', hit: false });
  return pieces;
}

/** Not between the two halves of a character. */
function wholeCharacter(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc_00 && unit <= 0xdf_ff ? at + 1 : at;
}
