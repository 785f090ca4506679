import { AppError } from '../../../contracts/app-error.ts';
import type { PieceType, SentencePiece } from '../../../formats/sentencepiece/sentencepiece-model.ts';
import { isJsonObject } from '../../../formats/json-object.ts';
import type { BytePairTokenizer } from '../../../formats/tokenizer-json/tokenizer-json.ts';
import { looksSpecial } from '../../../formats/tokenizer-json/looks-special.ts';
import { decoderTokens, type TokenTable, type VocabularyFiles } from './token-table.ts';

const normal = 1;
const unknown = 2;
const control = 3;
const userDefined = 4;
const unused = 5;
const byte = 6;

/** Score that llama.cpp's own converter gives to tokens that were added later. */
const addedScore = -1000;
const emptyScore = -10_000;

/** The token table of a SentencePiece vocabulary, as long as the model's embedding. */
export function pieceTokens(
  pieces: readonly SentencePiece[],
  files: VocabularyFiles,
  size: number,
): TokenTable {
  if (pieces.length > size && pieces.slice(size).some(({ type }) => type === byte))
    throw new AppError('file-invalid', `The vocabulary has ${pieces.length} tokens, the model only ${size}.`);
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const scores = Array.from({ length: size }, () => emptyScore);
  const types = Array.from({ length: size }, (): PieceType => unused);
  pieces.slice(0, size).forEach(({ piece, score, type }, id) => {
    tokens[id] = piece;
    scores[id] = score;
    types[id] = type;
  });
  for (const { id, content } of addedTokens(files, size)) {
    tokens[id] = content;
    scores[id] = addedScore;
    types[id] = userDefined;
  }
  for (const { id, content, special } of decoderTokens(files.tokenizerConfig, size)) {
    const isUnknown = types[id] === unknown && tokens[id] === content;
    const isControl = special || looksSpecial(content);
    tokens[id] = isControl ? content : content.replaceAll('\u2581', ' ');
    scores[id] = addedScore;
    types[id] = isUnknown ? unknown : isControl ? control : userDefined;
  }
  return { tokens, scores, types };
}

/** Entries of added_tokens.json with ids below `size`. */
function addedTokens(files: VocabularyFiles, size: number): { id: number; content: string }[] {
  return Object.entries(files.addedTokens).flatMap(([content, id]) =>
    Number.isSafeInteger(id) && Number(id) >= 0 && Number(id) < size ? [{ id: Number(id), content }] : [],
  );
}

/**
 * SentencePiece's view of a tokenizer.json with byte fallback: a token's score is minus the rank of the first merge that
 * makes it, the rule by which SentencePiece itself scores merged pairs.
 */
export function piecesFromMerges(tokenizer: BytePairTokenizer): {
  pieces: SentencePiece[];
  addSpacePrefix: boolean;
} {
  const ranks = new Map<string, number>();
  tokenizer.merges.forEach(([left, right], rank) => {
    const joined = left + right;
    if (!ranks.has(joined)) ranks.set(joined, rank);
  });
  const added = new Map(tokenizer.added.map((token) => [token.content, token]));
  const size = Math.max(...tokenizer.vocabulary.values(), ...tokenizer.added.map(({ id }) => id)) + 1;
  const pieces = Array.from({ length: size }, (_, id): SentencePiece => {
    return { piece: `[PAD${id}]`, score: emptyScore, type: unused };
  });
  for (const [piece, id] of tokenizer.vocabulary) {
    const score = -(ranks.get(piece) ?? tokenizer.merges.length);
    pieces[id] = { piece, score, type: pieceKind(piece, added.get(piece)?.special) };
  }
  for (const { id, content, special } of tokenizer.added) {
    const type = pieceKind(content, special);
    const piece = type === userDefined ? content.replaceAll('\u2581', ' ') : content;
    pieces[id] = { piece, score: addedScore, type };
  }
  return { pieces, addSpacePrefix: prependsSpace(tokenizer) };
}

function pieceKind(piece: string, special: boolean | undefined): PieceType {
  if (piece === '<unk>') return unknown;
  if (/^<0x[0-9A-F]{2}>$/.test(piece)) return byte;
  if (special === true || (special !== undefined && looksSpecial(piece))) return control;
  return special === undefined ? normal : userDefined;
}

/** Llama's tokenizer.json says so in its normalizer, newer ones in a Metaspace pre-tokenizer. */
function prependsSpace({ normalizer, preTokenizer }: BytePairTokenizer): boolean {
  const steps =
    normalizer && Array.isArray(normalizer['normalizers'])
      ? (normalizer['normalizers'] as unknown[])
      : [normalizer];
  if (steps.some((step) => isJsonObject(step) && step['type'] === 'Prepend')) return true;
  if (preTokenizer?.['type'] !== 'Metaspace') return false;
  const scheme = preTokenizer['prepend_scheme'];
  return scheme === undefined ? preTokenizer['add_prefix_space'] !== false : scheme !== 'never';
}
