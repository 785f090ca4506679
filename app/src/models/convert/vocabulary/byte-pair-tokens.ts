import { AppError } from '../../../contracts/app-error.ts';
import type { PieceType } from '../../../formats/sentencepiece/sentencepiece-model.ts';
import type { BytePairTokenizer } from '../../../formats/tokenizer-json/tokenizer-json.ts';
import { looksSpecial } from '../../../formats/tokenizer-json/looks-special.ts';
import type { TokenTable } from './token-table.ts';

const normal = 1;
const control = 3;
const userDefined = 4;
const unused = 5;

/** The token table of a byte-level vocabulary, as long as the model's embedding. */
export function bytePairTokens(tokenizer: BytePairTokenizer, size: number): TokenTable {
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = Array.from({ length: size }, (): PieceType => unused);
  const place = (id: number, token: string, type: PieceType): void => {
    if (id >= size)
      throw new AppError(
        'file-invalid',
        `The vocabulary has a token ${id}, the model only ${size} rows for them.`,
        {
          hint: 'The tokenizer and the weights do not belong together.',
        },
      );
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of tokenizer.vocabulary) place(id, token, normal);
  for (const { id, content, special } of tokenizer.added) {
    const isControl = special || looksSpecial(content);
    place(id, isControl ? content : content.replaceAll('\u2581', ' '), isControl ? control : userDefined);
  }
  return { tokens, types };
}
