import { AppError } from '../../contracts/app-error.ts';
import { isJsonObject, parseJsonObject, type JsonObject } from '../json-object.ts';

/** What a tokenizer.json may ask of this reader. */
export const tokenizerJsonLimits = {
  /** Gemma 3's, the largest in use, has 33 MB. */
  maximumBytes: 64 * 1024 * 1024,
  /** The largest vocabularies have 262 144. */
  maximumTokens: 1_000_000,
  /** Up to 515 000 in use. */
  maximumMerges: 2_000_000,
  /** Added tokens: up to 7 000 in use. */
  maximumAdded: 200_000,
} as const;

export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  normalized: boolean;
}

export interface BytePairTokenizer {
  /** By text; ids are whole numbers below the limit, each used once. */
  vocabulary: Map<string, number>;
  /** In order of rank. */
  merges: (readonly [string, string])[];
  added: AddedToken[];
  byteFallback: boolean;
  /** Whether a word that is a token is that token, even where no merges lead to it. */
  ignoresMerges: boolean;
  normalizer: JsonObject | null;
  preTokenizer: JsonObject | null;
  postProcessor: JsonObject | null;
}

function invalid(name: string, why: string): AppError {
  return new AppError('file-invalid', `${name} is not a sound tokenizer: ${why}.`);
}

function isId(value: unknown): value is number {
  return (
    Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < tokenizerJsonLimits.maximumTokens
  );
}

function readVocabulary(name: string, value: unknown): Map<string, number> {
  if (!isJsonObject(value)) throw invalid(name, 'it has no vocabulary');
  const vocabulary = new Map<string, number>();
  const ids = new Set<number>();
  for (const [token, id] of Object.entries(value)) {
    if (!isId(id)) throw invalid(name, `a token has the id ${String(id)}`);
    if (ids.has(id)) throw invalid(name, `two tokens have the id ${id}`);
    ids.add(id);
    vocabulary.set(token, id);
  }
  if (vocabulary.size === 0) throw invalid(name, 'its vocabulary is empty');
  return vocabulary;
}

/** Older files join the two halves with a space, newer ones list them. */
function readMerge(name: string, value: unknown): readonly [string, string] {
  const halves =
    typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? (value as unknown[]) : [];
  const [left, right] = halves;
  if (halves.length !== 2 || typeof left !== 'string' || typeof right !== 'string')
    throw invalid(name, 'a merge is not a pair');
  return [left, right];
}

function readAdded(name: string, value: unknown): AddedToken {
  const content = isJsonObject(value) ? value['content'] : undefined;
  const id = isJsonObject(value) ? value['id'] : undefined;
  if (!isJsonObject(value) || typeof content !== 'string' || !isId(id))
    throw invalid(name, 'an added token has no id or no text');
  return { id, content, special: value['special'] === true, normalized: value['normalized'] === true };
}

function list(name: string, value: unknown, maximum: number, what: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(name, `its ${what} are no list`);
  if (value.length > maximum) throw invalid(name, `it has ${value.length} ${what}`);
  return value as unknown[];
}

const object = (value: unknown): JsonObject | null => (isJsonObject(value) ? value : null);

/** A tokenizer.json whose model is BPE: the only kind that models of the supported families have. */
export function readTokenizerJson(name: string, bytes: Uint8Array): BytePairTokenizer {
  const file = parseJsonObject(name, bytes, tokenizerJsonLimits.maximumBytes);
  const model = file['model'];
  if (!isJsonObject(model)) throw invalid(name, 'it has no model');
  const isBytePair =
    model['type'] === 'BPE' || (model['type'] === undefined && Array.isArray(model['merges']));
  if (!isBytePair)
    throw new AppError(
      'model-unsupported',
      `${name} holds a ${String(model['type'])} tokenizer; BPE is supported.`,
    );
  return {
    vocabulary: readVocabulary(name, model['vocab']),
    merges: list(name, model['merges'], tokenizerJsonLimits.maximumMerges, 'merges').map((merge) =>
      readMerge(name, merge),
    ),
    added: list(name, file['added_tokens'], tokenizerJsonLimits.maximumAdded, 'added tokens').map((token) =>
      readAdded(name, token),
    ),
    byteFallback: model['byte_fallback'] === true,
    ignoresMerges: model['ignore_merges'] === true,
    normalizer: object(file['normalizer']),
    preTokenizer: object(file['pre_tokenizer']),
    postProcessor: object(file['post_processor']),
  };
}
