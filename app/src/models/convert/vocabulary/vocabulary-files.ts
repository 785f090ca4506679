import { AppError } from '../../../contracts/app-error.ts';
import { tokenizerJsonLimits } from '../../../formats/tokenizer-json/tokenizer-json.ts';
import type { RepositoryFiles } from '../convert-types.ts';

/** The vocabulary files of a repository as they are: nothing in them was read yet. */
export interface VocabularyBytes {
  sentencePiece?: Uint8Array;
  tokenizer?: Uint8Array;
  tokenizerConfig?: Uint8Array;
  addedTokens?: Uint8Array;
}

const names: Record<keyof VocabularyBytes, string> = {
  sentencePiece: 'tokenizer.model',
  tokenizer: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
  addedTokens: 'added_tokens.json',
};

export async function readVocabularyFiles(
  files: RepositoryFiles,
  signal?: AbortSignal,
): Promise<VocabularyBytes> {
  const found: VocabularyBytes = {};
  for (const [part, name] of Object.entries(names) as [keyof VocabularyBytes, string][]) {
    const bytes = await files.bytes(name, signal);
    if (bytes) found[part] = bytes;
  }
  if (found.tokenizer && found.tokenizer.length > tokenizerJsonLimits.maximumBytes)
    throw new AppError('file-invalid', `tokenizer.json of ${files.name} is very large.`);
  return found;
}
