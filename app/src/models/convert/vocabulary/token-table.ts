import { isJsonObject, type JsonObject } from '../../../formats/json-object.ts';
import type { PieceType } from '../../../formats/sentencepiece/sentencepiece-model.ts';
import type { BytePairTokenizer } from '../../../formats/tokenizer-json/tokenizer-json.ts';

/** The tokens of a model by id, as GGUF lists them. */
export interface TokenTable {
  tokens: string[];
  types: PieceType[];
  /** Absent for vocabularies that merge by rank instead of by score. */
  scores?: number[];
}

/** What the vocabulary files of a repository say. */
export interface VocabularyFiles {
  sentencePiece?: Uint8Array;
  tokenizer?: BytePairTokenizer;
  tokenizerBytes?: Uint8Array;
  tokenizerConfig: JsonObject;
  addedTokens: JsonObject;
}

/** Entries of tokenizer_config.json's added_tokens_decoder, with ids below `size`. */
export function decoderTokens(
  config: JsonObject,
  size: number,
): { id: number; content: string; special: boolean }[] {
  const decoder = config['added_tokens_decoder'];
  if (!isJsonObject(decoder)) return [];
  return Object.entries(decoder).flatMap(([key, value]) => {
    const id = Number(key);
    const content = isJsonObject(value) ? value['content'] : undefined;
    const isSound = Number.isSafeInteger(id) && id >= 0 && id < size && typeof content === 'string';
    return isSound ? [{ id, content, special: isJsonObject(value) && value['special'] === true }] : [];
  });
}
