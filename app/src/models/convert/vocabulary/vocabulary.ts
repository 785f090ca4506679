import { AppError } from '../../../contracts/app-error.ts';
import { parseJsonObject, type JsonObject } from '../../../formats/json-object.ts';
import { readSentencePiece } from '../../../formats/sentencepiece/sentencepiece-model.ts';
import { readTokenizerJson, type BytePairTokenizer } from '../../../formats/tokenizer-json/tokenizer-json.ts';
import type { GgufEntry } from '../../../formats/gguf/gguf-types.ts';
import { ggufEntry } from '../../../formats/gguf/gguf-writer.ts';
import { bytePairTokens } from './byte-pair-tokens.ts';
import { identifyPreTokenizer, splitsAsSentencePiece } from './pre-tokenizer.ts';
import { pieceTokens, piecesFromMerges } from './sentence-pieces.ts';
import { specialTokens } from './special-tokens.ts';
import type { VocabularyFiles } from './token-table.ts';
import type { VocabularyBytes } from './vocabulary-files.ts';

export interface Vocabulary {
  entries: [string, GgufEntry][];
  notes: string[];
}

/** Larger ones exist only with many thousand added tokens; those reach 2 MB. */
const maximumTokenizerConfigBytes = 16 * 1024 * 1024;

function parseFiles(files: VocabularyBytes): VocabularyFiles {
  const object = (name: string, bytes: Uint8Array | undefined): JsonObject =>
    bytes ? parseJsonObject(name, bytes, maximumTokenizerConfigBytes) : {};
  const { sentencePiece, tokenizer: tokenizerBytes } = files;
  const tokenizer = tokenizerBytes && bytePairs(tokenizerBytes, sentencePiece !== undefined);
  return {
    ...(sentencePiece ? { sentencePiece } : {}),
    ...(tokenizer ? { tokenizer, tokenizerBytes } : {}),
    tokenizerConfig: object('tokenizer_config.json', files.tokenizerConfig),
    addedTokens: object('added_tokens.json', files.addedTokens),
  };
}

/** Beside a tokenizer.model, a tokenizer.json of another kind (Unigram) is not needed. */
function bytePairs(bytes: Uint8Array, hasOther: boolean): BytePairTokenizer | undefined {
  try {
    return readTokenizerJson('tokenizer.json', bytes);
  } catch (error) {
    if (hasOther) return undefined;
    throw error;
  }
}

/** Whether a tokenizer.model really is SentencePiece: Llama 3's original one and some others only share the name. */
function usablePieces(files: VocabularyFiles): ReturnType<typeof piecesFromMerges> | undefined {
  if (!files.sentencePiece) return undefined;
  try {
    const model = readSentencePiece('tokenizer.model', files.sentencePiece);
    if (model.modelType !== 2)
      throw new AppError(
        'model-unsupported',
        'tokenizer.model does not merge pairs; llama.cpp needs one that does.',
      );
    // llama.cpp's converter writes user-defined pieces as ordinary ones.
    const pieces = model.pieces.map((piece) => (piece.type === 4 ? { ...piece, type: 1 as const } : piece));
    return { pieces, addSpacePrefix: model.addDummyPrefix };
  } catch (error) {
    if (files.tokenizer) return undefined;
    throw error;
  }
}

function spacePrefix(files: VocabularyFiles, fallback: boolean): boolean {
  const stated = files.tokenizerConfig['add_prefix_space'];
  return typeof stated === 'boolean' ? stated : fallback;
}

/**
 * Everything `tokenizer.*` except the chat template, for a model whose embedding has `size` rows. A vocabulary of 128 000
 * tokens takes seconds, in which its thread does nothing else: `vocabulary-thread.ts` has one for it.
 */
export function readVocabulary(bytes: VocabularyBytes, size: number, config: JsonObject): Vocabulary {
  const { string, array, bool } = ggufEntry;
  const files = parseFiles(bytes);
  const { tokenizer } = files;
  const direct = usablePieces(files);
  const isOfPieces = tokenizer?.byteFallback === true && splitsAsSentencePiece(tokenizer);
  const source = direct ?? (isOfPieces ? piecesFromMerges(tokenizer) : undefined);
  if (source) {
    const table = pieceTokens(source.pieces, files, size);
    return {
      notes: direct ? [] : ['Scores of the vocabulary were made from the order of its merges.'],
      entries: [
        ['tokenizer.ggml.model', string('llama')],
        ['tokenizer.ggml.pre', string('default')],
        ['tokenizer.ggml.tokens', array('string', table.tokens)],
        ['tokenizer.ggml.scores', array('f32', table.scores ?? [])],
        ['tokenizer.ggml.token_type', array('i32', table.types)],
        ['tokenizer.ggml.add_space_prefix', bool(spacePrefix(files, source.addSpacePrefix))],
        ...specialTokens(files, table, config),
      ],
    };
  }
  if (!tokenizer || !files.tokenizerBytes)
    throw new AppError(
      'model-unsupported',
      'The repository has neither tokenizer.model nor tokenizer.json.',
      {
        hint: 'Without a vocabulary a model cannot be used; look for a complete repository.',
        details: { missing: ['tokenizer.model', 'tokenizer.json'] },
      },
    );
  const pre = identifyPreTokenizer(tokenizer, files.tokenizerBytes, files.tokenizerConfig);
  const table = bytePairTokens(tokenizer, size);
  return {
    notes: [],
    entries: [
      ['tokenizer.ggml.model', string('gpt2')],
      ['tokenizer.ggml.pre', string(pre)],
      ['tokenizer.ggml.tokens', array('string', table.tokens)],
      ['tokenizer.ggml.token_type', array('i32', table.types)],
      ['tokenizer.ggml.merges', array('string', tokenizer.merges.map(mergeText))],
      ...specialTokens(files, table, config, pre),
    ],
  };
}

/** Spaces inside a half are shown as byte-level BPE shows them, because a space separates the halves. */
function mergeText([left, right]: readonly [string, string]): string {
  return `${left.replaceAll(' ', '\u0120')} ${right.replaceAll(' ', '\u0120')}`;
}
