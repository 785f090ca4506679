/**
 * Whole published vocabularies through the converter: `node bin/run.mjs app/test/hub/sample-texts.ts FOLDER`, by hand.
 * FOLDER is `models` of llama.cpp's source: vocabularies with sample texts (`.inp`) and the ids that their own
 * tokenizers give (`.out`). Each is taken apart into the files of a Hugging Face repository, read as any repository is,
 * written, and must split every text as stated.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ggufEntry, layOutGguf } from '../../src/formats/gguf/gguf-writer.ts';
import { ggufNumber, ggufText, type GgufMetadata } from '../../src/formats/gguf/gguf-types.ts';
import { readGguf } from '../../src/formats/gguf/gguf-reader.ts';
import { memorySource } from '../../src/formats/byte-source.ts';
import { encodeSentencePiece, type PieceType } from '../../src/formats/sentencepiece/sentencepiece-model.ts';
import { readVocabularyFiles } from '../../src/models/convert/vocabulary/vocabulary-files.ts';
import { readVocabulary } from '../../src/models/convert/vocabulary/vocabulary.ts';
import { OracleModel } from '../fixtures/llama-library.ts';

const words = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const tail = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });
const bytes = (use_regex: boolean) => ({ type: 'ByteLevel', add_prefix_space: false, use_regex });
const sequence = (...pretokenizers: unknown[]) => ({ type: 'Sequence', pretokenizers });

/** How the tokenizer.json of each family says that it splits text. */
const families: Record<string, unknown> = {
  'llama-spm': null,
  'phi-3': null,
  'llama-bpe': sequence(split(`${words}|\\p{N}{1,3}${tail}`), bytes(false)),
  qwen2: sequence(split(`${words}|\\p{N}${tail}`), bytes(false)),
  'gpt-2': bytes(true),
  falcon: sequence(
    { type: 'Punctuation', behavior: 'Contiguous' },
    bytes(true),
    { type: 'Digits', individual_digits: false },
    split('[0-9][0-9][0-9]'),
  ),
};

function list(metadata: GgufMetadata, key: string): readonly unknown[] {
  const entry = metadata.get(key);
  return entry?.type === 'array' ? (entry.values ?? []) : [];
}

/** The files by which a repository would bring this vocabulary. */
function filesOf(name: string, metadata: GgufMetadata): Record<string, Uint8Array> {
  const tokens = list(metadata, 'tokenizer.ggml.tokens') as readonly string[];
  const types = list(metadata, 'tokenizer.ggml.token_type') as readonly PieceType[];
  const special = (kind: string) => tokens[ggufNumber(metadata, `tokenizer.ggml.${kind}_token_id`) ?? -1];
  const config = { bos_token: special('bos'), eos_token: special('eos') };
  const configFile = { 'tokenizer_config.json': Buffer.from(JSON.stringify(config)) };
  if (families[name] === null) {
    const scores = list(metadata, 'tokenizer.ggml.scores') as readonly number[];
    const pieces = tokens.map((piece, id) => ({ piece, score: scores[id] ?? 0, type: types[id] ?? 1 }));
    return { ...configFile, 'tokenizer.model': encodeSentencePiece(pieces) };
  }
  const vocabulary = tokens.map((content, id) => ({ content, id, type: types[id] }));
  const tokenizer = {
    added_tokens: vocabulary
      .filter(({ type }) => type !== 1)
      .map(({ content, id, type }) => ({ content, id, special: type === 3 })),
    pre_tokenizer: families[name],
    model: {
      type: 'BPE',
      ignore_merges: name === 'llama-bpe',
      vocab: Object.fromEntries(
        vocabulary.filter(({ type }) => type === 1).map(({ content, id }) => [content, id]),
      ),
      merges: list(metadata, 'tokenizer.ggml.merges'),
    },
  };
  return { ...configFile, 'tokenizer.json': Buffer.from(JSON.stringify(tokenizer)) };
}

async function converted(name: string, source: Uint8Array, path: string): Promise<void> {
  const { metadata } = await readGguf(memorySource(name, source), { keepArraysUpTo: Infinity });
  const files = filesOf(name, metadata);
  const repository = {
    name: `tokenizers/${name}`,
    names: Object.keys(files),
    bytes: (file: string) => Promise.resolve(files[file]),
    shard: () => Promise.reject(new Error('no weights are needed here')),
  };
  const size = list(metadata, 'tokenizer.ggml.tokens').length;
  const { entries } = readVocabulary(await readVocabularyFiles(repository), size, {});
  const [was, is] = [metadata, new Map(entries)].map((of) => ggufText(of, 'tokenizer.ggml.pre'));
  if (families[name] !== null && is !== name) throw new Error(`was ${was}, is taken for ${is}`);
  const header = layOutGguf([['general.architecture', ggufEntry.string('llama')], ...entries], []).header;
  writeFileSync(path, header);
}

/** How many texts there are, and those that come out in other tokens than stated. */
function compare(path: string, samples: string): { count: number; different: string[] } {
  const texts = readFileSync(`${samples}.inp`, 'utf8').split('\n__ggml_vocab_test__\n');
  const expected = readFileSync(`${samples}.out`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/).filter(Boolean).map(Number));
  const model = new OracleModel(path, { vocabularyOnly: true });
  try {
    const different = texts.flatMap((text, index) => {
      const ids = model.tokenize(text, false);
      const wanted = expected[index] ?? [];
      return ids.join() === wanted.join()
        ? []
        : [`${JSON.stringify(text)}: ${ids.join(' ')} instead of ${wanted.join(' ')}`];
    });
    return { count: texts.length, different };
  } finally {
    model.close();
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('name the folder of the vocabularies');
const scratch = mkdtempSync(join(tmpdir(), 'corral-sample-texts-'));
for (const name of Object.keys(families)) {
  const source = join(folder, `ggml-vocab-${name}.gguf`);
  const path = join(scratch, `${name}.gguf`);
  await converted(name, readFileSync(source), path);
  const { count, different } = compare(path, source);
  console.log([`${name}: ${count - different.length} of ${count} texts as stated`, ...different].join('\n'));
  if (different.length > 0) process.exitCode = 1;
}
rmSync(scratch, { recursive: true });
