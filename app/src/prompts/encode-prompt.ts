import type { PromptSegment } from './segments.ts';

export interface SpecialToken {
  id: number;
  text: string;
  /** Blanks before (after) it belong to it. */
  stripLeft: boolean;
  stripRight: boolean;
}

/** The part of a model's tokenizer that a prompt needs. */
export interface PromptVocabulary {
  /** Ids of a plain text: nothing is added, control tokens in it stay text. */
  tokenize(text: string): ArrayLike<number>;
  /** How many bytes of text a token stands for. */
  tokenBytes(id: number): number;
  /** Control tokens (and such that a file should have marked so). */
  specialTokens: readonly SpecialToken[];
  bosId: number | null;
  /** Whether a prompt of this model starts with its BOS. */
  addBos: boolean;
}

export interface EncodedPrompt {
  ids: number[];
  /** Tokens that each message adds, in the order of the messages. */
  messageTokens: number[];
  /** What belongs to no message: start and generation prompt. */
  overheadTokens: number;
}

interface TextSpan {
  text: string;
  message: number | null;
}

type Piece = { token: SpecialToken; message: number | null } | { spans: TextSpan[] };

/**
 * Segments to token ids. Control tokens are found in the template's own text; everything between two of them is
 * tokenised in one piece, as it would have been had the whole prompt been one text. BOS comes exactly once.
 */
export function encodePrompt(
  segments: readonly PromptSegment[],
  vocabulary: PromptVocabulary,
  messageCount: number,
): EncodedPrompt {
  const ids: number[] = [];
  const owners: (number | null)[] = [];
  for (const piece of piecesOf(segments, vocabulary.specialTokens)) {
    if ('token' in piece) {
      ids.push(piece.token.id);
      owners.push(piece.message);
    } else {
      encodeText(piece.spans, vocabulary, ids, owners);
    }
  }
  keepOneBos(ids, owners, vocabulary);
  const messageTokens = Array.from({ length: messageCount }, () => 0);
  let overheadTokens = 0;
  for (const owner of owners) {
    const count = owner === null ? undefined : messageTokens[owner];
    if (owner === null || count === undefined) overheadTokens++;
    else messageTokens[owner] = count + 1;
  }
  return { ids, messageTokens, overheadTokens };
}

function keepOneBos(ids: number[], owners: (number | null)[], vocabulary: PromptVocabulary): void {
  const { bosId, addBos } = vocabulary;
  if (bosId === null) return;
  while (ids[0] === bosId && ids[1] === bosId) {
    ids.shift();
    owners.shift();
  }
  if (addBos && ids[0] !== bosId) {
    ids.unshift(bosId);
    owners.unshift(null);
  }
}

function piecesOf(segments: readonly PromptSegment[], specials: readonly SpecialToken[]): Piece[] {
  const pieces: Piece[] = [];
  const find = finderOf(specials);
  let stripNext = false;
  const addText = (text: string, message: number | null): void => {
    const kept = stripNext ? text.trimStart() : text;
    if (kept === '') return;
    stripNext = false;
    const last = pieces.at(-1);
    if (last && 'spans' in last) last.spans.push({ text: kept, message });
    else pieces.push({ spans: [{ text: kept, message }] });
  };
  for (const segment of segments) {
    if (!segment.special) {
      // What somebody typed is never trimmed for a token's sake.
      stripNext = false;
      addText(segment.text, segment.message);
      continue;
    }
    for (const part of find(segment.text)) {
      if (typeof part === 'string') {
        addText(part, segment.message);
      } else {
        if (part.stripLeft) trimLast(pieces);
        pieces.push({ token: part, message: segment.message });
        stripNext = part.stripRight;
      }
    }
  }
  return pieces;
}

function trimLast(pieces: Piece[]): void {
  const last = pieces.at(-1);
  const span = last && 'spans' in last ? last.spans.at(-1) : undefined;
  if (span) span.text = span.text.trimEnd();
}

/** Cuts a text at its control tokens, the longest first where several begin at one place. */
function finderOf(specials: readonly SpecialToken[]): (text: string) => (string | SpecialToken)[] {
  const byText = new Map(specials.filter((token) => token.text !== '').map((token) => [token.text, token]));
  if (byText.size === 0) return (text) => [text];
  const alternatives = [...byText.keys()].sort((a, b) => b.length - a.length).map(escapeForPattern);
  const pattern = new RegExp(`(${alternatives.join('|')})`, 'u');
  return (text) =>
    text
      .split(pattern)
      .filter((part) => part !== '')
      .map((part) => byText.get(part) ?? part);
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&');
}

function encodeText(
  spans: readonly TextSpan[],
  vocabulary: PromptVocabulary,
  ids: number[],
  owners: (number | null)[],
): void {
  const encoded = Array.from(vocabulary.tokenize(spans.map((span) => span.text).join('')));
  const ends = byteEnds(spans);
  const textBytes = ends.at(-1)?.end ?? 0;
  const lengths = encoded.map((id) => vocabulary.tokenBytes(id));
  // A sentencepiece tokenizer puts a blank before the text, which is nobody's.
  let offset = Math.min(0, textBytes - lengths.reduce((sum, length) => sum + length, 0));
  // Offsets never fall, so the span moves on with them: a long chat has many thousand spans and tokens.
  let at = 0;
  for (const [index, id] of encoded.entries()) {
    while (at < ends.length - 1 && Math.max(0, offset) >= (ends[at]?.end ?? 0)) at++;
    ids.push(id);
    owners.push(ends[at]?.message ?? null);
    offset += lengths[index] ?? 0;
  }
}

function byteEnds(spans: readonly TextSpan[]): { end: number; message: number | null }[] {
  let end = 0;
  return spans.map((span) => {
    end += Buffer.byteLength(span.text);
    return { end, message: span.message };
  });
}
