import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../contracts/app-error.ts';
import { tinyVocabulary } from '../../../test/fixtures/tiny-vocabulary.ts';
import { encodeSentencePiece, readSentencePiece } from './sentencepiece-model.ts';

const pieces = tinyVocabulary();

describe('a SentencePiece model', () => {
  it('gives back the pieces that were written', () => {
    const model = readSentencePiece('tokenizer.model', encodeSentencePiece(pieces));
    expect(model.pieces).toEqual(pieces);
    expect(model).toMatchObject({ modelType: 2, addDummyPrefix: true });
  });

  it.each([
    ['nothing', []],
    ['a length behind the end', [0x0a, 0x7f, 1]],
    ['a number without end', Array.from({ length: 40 }, () => 0xff)],
    ['a piece of type 9', [0x0a, 5, 0x0a, 1, 0x61, 0x18, 9]],
    ['a piece that is not UTF-8', [0x0a, 3, 0x0a, 1, 0xff]],
    ['a group, which nothing writes', [0x0b]],
    ['a score that is no number', [0x0a, 8, 0x0a, 1, 0x61, 0x15, 0, 0, 0xc0, 0x7f]],
  ])('refuses %s', (_, bytes) => {
    expect(() => readSentencePiece('x', Uint8Array.from(bytes))).toThrow(AppError);
  });

  it('meets any damage with one clear error', () => {
    const sound = encodeSentencePiece(pieces.slice(0, 40));
    const change = fc.record({ at: fc.nat(sound.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Uint8Array.from(sound);
        for (const { at, byte } of changes) bytes[at] = byte;
        try {
          readSentencePiece('x', bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
