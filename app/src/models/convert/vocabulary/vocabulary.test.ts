import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OracleModel } from '../../../../test/fixtures/llama-library.ts';
import { tinyBytePairTokenizer } from '../../../../test/fixtures/models/tiny-byte-pairs.ts';
import { temporaryFolder } from '../../../../test/fixtures/temporary-folder.ts';
import { learnMerges, tinySampleText, tinyVocabulary } from '../../../../test/fixtures/tiny-vocabulary.ts';
import { ggufNumber, ggufText, type GgufEntry, type GgufMetadata } from '../../../formats/gguf/gguf-types.ts';
import { ggufEntry, layOutGguf } from '../../../formats/gguf/gguf-writer.ts';
import type { JsonObject } from '../../../formats/json-object.ts';
import { encodeSentencePiece } from '../../../formats/sentencepiece/sentencepiece-model.ts';
import type { RepositoryFiles } from '../convert-types.ts';
import { chatTemplateEntries } from './chat-template.ts';
import { readVocabularyFiles } from './vocabulary-files.ts';
import { readVocabulary } from './vocabulary.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(folder.path, { recursive: true });
});
afterAll(async () => await folder.remove());

function repository(files: Record<string, unknown>, name = 'tiny/base'): RepositoryFiles {
  const bytes = (value: unknown): Uint8Array =>
    value instanceof Uint8Array
      ? value
      : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return {
    name,
    names: Object.keys(files),
    bytes: (file) => Promise.resolve(file in files ? bytes(files[file]) : undefined),
    shard: () => Promise.reject(new Error('no weights are needed here')),
  };
}

async function entriesOf(
  files: Record<string, unknown>,
  size = 384,
  config: JsonObject = {},
): Promise<GgufMetadata> {
  return new Map(readVocabulary(await readVocabularyFiles(repository(files)), size, config).entries);
}

function valuesOf(entries: GgufMetadata, key: string): readonly unknown[] | null {
  const entry = entries.get(key);
  return entry?.type === 'array' ? entry.values : null;
}

/** What llama.cpp makes of texts with this vocabulary. */
async function tokenised(
  label: string,
  entries: GgufMetadata,
  texts: readonly string[],
  addSpecial = false,
): Promise<number[][]> {
  const header: [string, GgufEntry][] = [['general.architecture', ggufEntry.string('llama')], ...entries];
  const path = join(folder.path, `${label}.gguf`);
  await writeFile(path, layOutGguf(header, []).header);
  const model = new OracleModel(path, { vocabularyOnly: true });
  try {
    return texts.map((text) => model.tokenize(text, addSpecial));
  } finally {
    model.close();
  }
}

const texts = [
  ...tinySampleText.split('\n'),
  'Hello, llama!  Two  spaces.\n\nTwo lines\tand a tab. 3 33 333 3333 33333',
  "I've \u00e9t\u00e9, \u4f60\u597d \ud83d\ude80 it's 'quoted' we'LL ------===",
  '',
  ' ',
];
const pieces = tinyVocabulary();
const sentencePiece = encodeSentencePiece(pieces);

/** The same vocabulary as transformers writes it: ids by text, and merges by rank. */
function byteFallbackJson(): Record<string, unknown> {
  const characters = pieces.filter(({ type }) => type === 1).length;
  return {
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true })),
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '\u2581' }] },
    pre_tokenizer: null,
    model: {
      type: 'BPE',
      byte_fallback: true,
      vocab: Object.fromEntries(pieces.map(({ piece }, id) => [piece, id])),
      merges: learnMerges(characters).filter(([a, b]) => pieces.some(({ piece }) => piece === a + b)),
    },
  };
}

describe('a SentencePiece vocabulary', () => {
  it('lists the pieces as they are', async () => {
    const entries = await entriesOf({ 'tokenizer.model': sentencePiece });
    const values = (key: string): unknown => valuesOf(entries, key);
    expect(values('tokenizer.ggml.tokens')).toEqual(pieces.map(({ piece }) => piece));
    expect(values('tokenizer.ggml.scores')).toEqual(pieces.map(({ score }) => score));
    expect(values('tokenizer.ggml.token_type')).toEqual(pieces.map(({ type }) => type));
    expect(ggufText(entries, 'tokenizer.ggml.model')).toBe('llama');
  });

  it('made from merges alone splits texts into the same tokens', async () => {
    const [direct, made] = [
      await tokenised('model', await entriesOf({ 'tokenizer.model': sentencePiece }), texts),
      await tokenised('merges', await entriesOf({ 'tokenizer.json': byteFallbackJson() }), texts),
    ];
    expect(made).toEqual(direct);
    expect(direct[0]?.length).toBeGreaterThan(10);
  });

  describe('made from merges alone', () => {
    const never = { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'never', split: true };
    const digits = { type: 'Digits', individual_digits: true };
    const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
    const given = byteFallbackJson() as { added_tokens: unknown[]; model: JsonObject };
    const json = (pre_tokenizer: unknown): JsonObject => ({
      ...given,
      added_tokens: [...given.added_tokens, { id: 384, content: '[TURN]', special: false }],
      normalizer: null,
      pre_tokenizer,
      post_processor: null,
      decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
      model: { ...given.model, unk_token: '<unk>', fuse_unk: true },
    });

    it.each([
      ['nothing', null, 'llama'],
      ['spaces alone', never, 'llama'],
      ['spaces alone, as Gemma says it', { type: 'Split', pattern: { String: ' ' } }, 'llama'],
      ['bytes', bytes, 'gpt2'],
    ])('and split at %s', async (_, preTokenizer, model) => {
      const entries = await entriesOf({ 'tokenizer.json': json(preTokenizer) }, 385);
      expect(ggufText(entries, 'tokenizer.ggml.model')).toBe(model);
    });

    it('and split at each digit is refused: llama.cpp would not', async () => {
      const split = json({ type: 'Sequence', pretokenizers: [digits, never] });
      const refused = entriesOf({ 'tokenizer.json': split }, 385);
      await expect(refused).rejects.toMatchObject({ code: 'model-unsupported' });
    });

    it('finds a token that was added later, wherever it stands', async () => {
      const own = new Tokenizer(json(never), {});
      const turns = ['a[TURN]b', '[TURN]', 'Hello, llama![TURN]'];
      const entries = await entriesOf({ 'tokenizer.json': json(never) }, 385);
      const found = await tokenised('turns', entries, turns);
      expect(found).toEqual(turns.map((text) => own.encode(text, { add_special_tokens: false }).ids));
      expect(found[0]).toContain(384);
    });
  });

  it('is as long as the embedding, with tokens that were added later', async () => {
    const entries = await entriesOf(
      {
        'tokenizer.model': sentencePiece,
        'added_tokens.json': { '[EXTRA]': 385, beyond: 9999 },
        'tokenizer_config.json': {
          added_tokens_decoder: { '384': { content: '<|im_end|>', special: false } },
        },
      },
      390,
    );
    const tokens = valuesOf(entries, 'tokenizer.ggml.tokens');
    const types = valuesOf(entries, 'tokenizer.ggml.token_type');
    expect(tokens?.slice(384)).toEqual([
      '<|im_end|>',
      '[EXTRA]',
      '[PAD386]',
      '[PAD387]',
      '[PAD388]',
      '[PAD389]',
    ]);
    expect(types?.slice(384)).toEqual([3, 4, 5, 5, 5, 5]);
  });
});

const byteLevel = (use_regex: boolean): JsonObject => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  use_regex,
});
const families: Record<string, JsonObject | undefined> = {
  qwen2: undefined,
  falcon: undefined,
  'gpt-2': byteLevel(true),
  smollm: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel(true)] },
};

describe('a byte-level vocabulary', () => {
  it.each(Object.entries(families))(
    'of %s splits texts as its own tokenizer does',
    async (name, preTokenizer) => {
      const { tokenizer, config } = tinyBytePairTokenizer(name === 'falcon' ? 'falcon-7b' : 'qwen2', 384);
      const json = { ...tokenizer, ...(preTokenizer ? { pre_tokenizer: preTokenizer } : {}) };
      const entries = await entriesOf({ 'tokenizer.json': json, 'tokenizer_config.json': config });
      expect(ggufText(entries, 'tokenizer.ggml.pre')).toBe(name);
      const own = new Tokenizer(json, config);
      const expected = texts.map((text) => own.encode(text, { add_special_tokens: false }).ids);
      expect(await tokenised(name, entries, texts)).toEqual(expected);
    },
  );

  describe('of Llama 3', () => {
    const { tokenizer, config } = tinyBytePairTokenizer('qwen2', 384);
    const begin = '<|endoftext|>';
    const split = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
    const first = { type: 'Split', pattern: { Regex: split }, behavior: 'Isolated', invert: false };
    const template = {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: begin, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      special_tokens: { [begin]: { id: begin, ids: [0], tokens: [begin] } },
    };
    const model = tokenizer['model'] as { vocab: Record<string, number> };
    // No merge leads to the last token.
    const vocab = { ...model.vocab, zqx: Object.keys(model.vocab).length };
    const json = (ignore_merges: boolean, post_processor: unknown): JsonObject => ({
      ...tokenizer,
      normalizer: null,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [first, byteLevel(false)] },
      post_processor,
      model: { ...model, vocab, ignore_merges },
    });

    it.each([
      ['as it is', 'llama-bpe', json(true, template)],
      ['without a BOS in front', 'llama-bpe', json(true, byteLevel(true))],
      ['as it was first', 'smaug-bpe', json(false, byteLevel(true))],
      ['as it was first, with a BOS in front', 'smaug-bpe', json(false, template)],
    ])('%s makes what its own tokenizer makes of texts', async (label, name, tokenizerJson) => {
      const withBegin = { ...config, bos_token: begin, tokenizer_class: 'PreTrainedTokenizerFast' };
      const files = { 'tokenizer.json': tokenizerJson, 'tokenizer_config.json': withBegin };
      const entries = await entriesOf(files, 385);
      expect(ggufText(entries, 'tokenizer.ggml.pre')).toBe(name);
      const own = new Tokenizer(tokenizerJson, withBegin);
      const given = ['zqx', ...texts];
      expect(await tokenised(label, entries, given, true)).toEqual(given.map((text) => own.encode(text).ids));
    });

    it('begins a text with a BOS where its class does by itself', async () => {
      const ofLlama = { ...config, bos_token: begin, tokenizer_class: 'LlamaTokenizerFast' };
      const files = { 'tokenizer.json': json(false, byteLevel(true)), 'tokenizer_config.json': ofLlama };
      const entries = await entriesOf(files, 385);
      expect(entries.get('tokenizer.ggml.add_bos_token')).toEqual({ type: 'bool', value: true });
    });
  });

  it('of unknown rules is refused', async () => {
    const { tokenizer } = tinyBytePairTokenizer('qwen2', 384);
    const odd = { type: 'Split', pattern: { Regex: '[a-f]+' }, behavior: 'Isolated', invert: false };
    const json = {
      ...tokenizer,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [odd, byteLevel(false)] },
    };
    await expect(entriesOf({ 'tokenizer.json': json })).rejects.toMatchObject({ code: 'model-unsupported' });
  });

  it('with more tokens than the model has rows is refused', async () => {
    const { tokenizer } = tinyBytePairTokenizer('qwen2', 384);
    await expect(entriesOf({ 'tokenizer.json': tokenizer }, 100)).rejects.toMatchObject({
      code: 'file-invalid',
    });
  });
});

describe('special tokens', () => {
  const id = (entries: GgufMetadata, kind: string): number | undefined =>
    ggufNumber(entries, `tokenizer.ggml.${kind}_token_id`);

  it('of the first LLaMA configs: -1 is none, and the vocabulary knows better than wrong ids', async () => {
    const config = { pad_token_id: -1, bos_token_id: 0, eos_token_id: 1 };
    const entries = await entriesOf({ 'tokenizer.model': sentencePiece }, 384, config);
    expect([id(entries, 'bos'), id(entries, 'eos'), id(entries, 'padding')]).toEqual([1, 2, undefined]);
  });

  it('are found by their text, written plainly or as an object', async () => {
    const files = {
      'tokenizer.model': sentencePiece,
      'tokenizer_config.json': {
        bos_token: { content: '</s>' },
        eos_token: '<s>',
        unk_token: '<unk>',
        add_bos_token: true,
        add_eos_token: false,
      },
    };
    const entries = await entriesOf(files);
    expect([id(entries, 'bos'), id(entries, 'eos'), id(entries, 'unknown')]).toEqual([2, 1, 0]);
    expect(entries.get('tokenizer.ggml.add_bos_token')).toEqual({ type: 'bool', value: true });
    expect(entries.get('tokenizer.ggml.add_eos_token')).toEqual({ type: 'bool', value: false });
  });

  it('of a post-processor that begins every text with one', async () => {
    const { tokenizer, config } = tinyBytePairTokenizer('qwen2', 384);
    const step = (special: string): unknown => ({ SpecialToken: { id: special, type_id: 0 } });
    const single = [step('<|endoftext|>'), { Sequence: { id: 'A', type_id: 0 } }];
    const json = { ...tokenizer, post_processor: { type: 'TemplateProcessing', single } };
    const entries = await entriesOf({ 'tokenizer.json': json, 'tokenizer_config.json': config });
    expect(entries.get('tokenizer.ggml.add_bos_token')).toEqual({ type: 'bool', value: true });
    expect(id(entries, 'bos')).toBe(0);
  });
});

describe('the chat template', () => {
  const options = { adapters: [], quantisation: 'f16' as const };
  const template = async (files: RepositoryFiles, adapter?: RepositoryFiles): Promise<string | undefined> => {
    const adapters = adapter ? [{ files: adapter, weight: 1 }] : [];
    const { entries } = await chatTemplateEntries({ ...options, base: files, adapters });
    return ggufText(new Map(entries), 'tokenizer.chat_template');
  };
  const messages = [
    { role: 'user', content: 'Hi ' },
    { role: 'assistant', content: 'Hello.' },
    { role: 'user', content: 'Who are you?' },
  ];
  const render = (text: string | undefined, given = messages): string =>
    new Template(text ?? '').render({ messages: given, bos_token: '<s>', add_generation_prompt: true });

  it('is the repository\u2019s own, from any of its three places', async () => {
    expect(await template(repository({ 'tokenizer_config.json': { chat_template: 'a' } }))).toBe('a');
    expect(await template(repository({ 'chat_template.jinja': 'b' }))).toBe('b');
    expect(await template(repository({ 'chat_template.json': { chat_template: 'c' } }))).toBe('c');
    const list = [
      { name: 'tool_use', template: 't' },
      { name: 'default', template: 'd' },
    ];
    expect(await template(repository({ 'tokenizer_config.json': { chat_template: list } }))).toBe('d');
  });

  it('of guanaco is written in, although its base has another', async () => {
    const base = repository({ 'tokenizer_config.json': { chat_template: 'base' } }, 'huggyllama/llama-7b');
    const text = render(await template(base, repository({}, 'timdettmers/guanaco-7b')));
    expect(text).toBe(
      '<s>A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, ' +
        "detailed, and polite answers to the user's questions.\n### Human: Hi\n### Assistant: Hello.\n" +
        '### Human: Who are you?\n### Assistant:',
    );
  });

  it('of falcon-instruct is written in, with the system message first', async () => {
    const text = await template(repository({}, 'tiiuae/falcon-7b-instruct'));
    const withSystem = [{ role: 'system', content: 'Be brief.' }, ...messages.slice(0, 1)];
    expect(render(text, withSystem)).toBe('System: Be brief.\nUser: Hi\nFalcon:');
    expect(await template(repository({}, 'tiiuae/falcon-7b'))).toBeUndefined();
  });
});
