import { AppError } from '../../contracts/app-error.ts';
import { encodePrompt, type EncodedPrompt, type PromptVocabulary } from '../../prompts/encode-prompt.ts';
import type { PromptSegment } from '../../prompts/segments.ts';

/** Two bytes a token: 256 single bytes, 65,536 pairs, then the control tokens. Reversible, the same everywhere. */
const pairBase = 256;
const specialBase = pairBase + 65_536;
const specialTexts = ['<|begin|>', '<|end|>', '<|im_start|>', '<|im_end|>'] as const;

export const vocabularySize = specialBase + specialTexts.length;
export const bosTokenId = specialBase;
export const endTokenIds = [specialBase + 1, specialBase + 3];
export const texts = { bos: '<|begin|>', eos: '<|end|>' };

const specialTokens = specialTexts.map((text, index) => ({
  id: specialBase + index,
  text,
  stripLeft: false,
  stripRight: false,
}));

export function tokenBytes(id: number): Uint8Array {
  if (id < pairBase) return Uint8Array.of(id);
  if (id < specialBase) return Uint8Array.of((id - pairBase) >> 8, (id - pairBase) & 255);
  return Buffer.from(specialTexts[id - specialBase] ?? '');
}

export function tokenizeText(text: string): number[] {
  const bytes = Buffer.from(text);
  const ids: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) {
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1];
    ids.push(second === undefined ? first : pairBase + first * 256 + second);
  }
  return ids;
}

const vocabulary: PromptVocabulary = {
  tokenize: tokenizeText,
  tokenBytes: (id) => tokenBytes(id).length,
  specialTokens,
  bosId: bosTokenId,
  addBos: true,
};

export function encodeSegments(
  segments: readonly PromptSegment[],
  messageCount: number,
  addBos = true,
): EncodedPrompt {
  return encodePrompt(segments, { ...vocabulary, addBos }, messageCount);
}

export function piecesOf(ids: readonly number[]): Uint8Array[] {
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabularySize) {
      throw new AppError('token-out-of-range', `The vocabulary has no token ${id}.`, {
        details: { field: 'ids', id, vocabularySize },
      });
    }
  }
  return ids.map((id) => tokenBytes(id));
}

export function decodeTokens(ids: readonly number[]): string {
  return Buffer.concat(piecesOf(ids)).toString('utf8');
}
