import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createParser } from 'eventsource-parser';
import { reasonToSkip, toImportedChat } from '../../src/chat/exchange/imported-conversation.ts';
import { readChatGpt } from '../../src/chat/exchange/read-chatgpt.ts';
import { readChatHistory } from '../../src/chat/exchange/read-chat-history.ts';
import { readCorral } from '../../src/chat/exchange/read-corral.ts';
import { readOpenWebUi } from '../../src/chat/exchange/read-open-webui.ts';
import { AppError } from '../../src/contracts/app-error.ts';
import { memorySource } from '../../src/formats/byte-source.ts';
import { readGguf } from '../../src/formats/gguf/gguf-reader.ts';
import { loraRank, loraScale, readPeftConfig } from '../../src/formats/peft/peft-config.ts';
import { readPytorchBin } from '../../src/formats/pytorch-bin/pytorch-bin.ts';
import { unpickleStateDict } from '../../src/formats/pytorch-bin/restricted-unpickler.ts';
import { readSafetensors, readShardIndex } from '../../src/formats/safetensors/safetensors-reader.ts';
import { encodeSafetensors } from '../../src/formats/safetensors/safetensors-writer.ts';
import {
  encodeSentencePiece,
  readSentencePiece,
} from '../../src/formats/sentencepiece/sentencepiece-model.ts';
import { readTokenizerJson } from '../../src/formats/tokenizer-json/tokenizer-json.ts';
import { familyTemplate } from '../../src/models/convert/vocabulary/family-templates.ts';
import { createTemplateRenderer } from '../../src/prompts/template-renderer.ts';
import { parseJsonBody } from '../../src/server/json-body.ts';
import { encodePytorchBin, pickleOfTensors } from '../fixtures/models/pytorch-bin-writer.ts';
import { tinyBytePairTokenizer } from '../fixtures/models/tiny-byte-pairs.ts';
import { writeTinyGguf, writeTinyLora } from '../fixtures/tiny-gguf.ts';
import { tinyVocabulary } from '../fixtures/tiny-vocabulary.ts';

/** A parser of bytes that somebody else wrote. It may take them or refuse them with an AppError; nothing else. */
export interface FuzzTarget {
  /** Sound inputs to start from. */
  seeds(): Promise<Uint8Array[]>;
  parse: (bytes: Uint8Array) => unknown;
  /** Words of its language, to be put in anywhere. */
  words?: readonly string[];
  close?(): Promise<void>;
}

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const name = 'fuzzed';
const jsonWords = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '"',
  'null',
  '1e999',
  '-0',
  '"__proto__"',
  '\\u0000',
  '\\ud800',
  '[[',
];

async function ggufSeeds(): Promise<Uint8Array[]> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-fuzz-'));
  const model = await writeTinyGguf(folder, { layers: 1, width: 32, type: 'q8_0', feedForward: 32 });
  const adapter = await writeTinyLora(folder, model);
  const seeds = await Promise.all([model, adapter].map(({ path }) => readFile(path)));
  await rm(folder, { recursive: true });
  return seeds;
}

const tensor = { name: 'a.weight', dtype: 'f32' as const, shape: [2, 3], bytes: new Uint8Array(24) };
const other = { name: 'b.weight', dtype: 'f16' as const, shape: [4], bytes: new Uint8Array(8) };

const said = [
  { role: 'user', content: 'Where to?' },
  { role: 'assistant', content: 'North.' },
];
const node = (id: string, parent: string | null, children: string[], role: string) => ({
  id,
  parent,
  children,
  message: { id, author: { role }, create_time: 1.5, content: { content_type: 'text', parts: ['words'] } },
});
const webUi = { id: 'm', parentId: null, childrenIds: [], role: 'user', content: 'words', timestamp: 1 };
const imports = [
  { trip: said },
  { trip: [['Where to?', 'North.']] },
  said,
  [
    {
      title: 't',
      create_time: 1,
      mapping: { a: node('a', null, ['b'], 'user'), b: node('b', 'a', [], 'assistant') },
      current_node: 'b',
    },
  ],
  [{ chat: { title: 't', history: { messages: { m: webUi }, currentId: 'm' } }, created_at: 1 }],
  { format: 'corral', version: 1, chats: [] },
];

function readImport(data: unknown): void {
  const parsed = readCorral(data) ?? readChatGpt(data) ?? readOpenWebUi(data) ?? readChatHistory(data);
  if (!parsed) throw new AppError('file-invalid', 'none of the formats');
  for (const { conversation } of parsed.conversations)
    if (reasonToSkip(conversation) === null) toImportedChat(conversation, parsed.format, 0);
}

/** What is no JSON never reaches a reader of chats. */
function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(text(bytes)) as unknown;
  } catch (cause) {
    throw new AppError('file-invalid', 'no JSON', { cause });
  }
}

const turnsTemplate =
  "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] | trim }} [/INST]" +
  "{% else %} {{ m.content }} {{ eos_token }}{% endif %}{% endfor %}{% set ns = namespace(a=1) %}{{ ns.a ~ 'x' }}";

function jinja(): FuzzTarget {
  const renderer = createTemplateRenderer();
  const known = ['timdettmers/guanaco-7b', 'tiiuae/falcon-7b-instruct'].flatMap(
    (repository) => familyTemplate([repository])?.template ?? [],
  );
  return {
    seeds: async () => [turnsTemplate, ...known].map((template) => Buffer.from(template)),
    words: [
      '{%',
      '%}',
      '{{',
      '}}',
      '|',
      'for x in',
      'range(99999)',
      '* 999',
      '~',
      'endfor',
      '[-1]',
      'namespace()',
      'macro a()',
      'a()',
      '|upper',
      '|join(',
      '|replace(',
      '|indent(99999999)',
      '|tojson(indent=99999999)',
    ],
    parse: (bytes) =>
      renderer.render({
        template: text(bytes),
        chat: { messages: said as { role: 'user'; content: string }[], continueAnswer: false },
        texts: { bos: '<s>', eos: '</s>' },
        controlTexts: ['<s>', '</s>'],
        nowMs: 0,
      }),
    close: () => renderer.close(),
  };
}

function serverSentEvents(): FuzzTarget {
  return {
    seeds: async () => [
      Buffer.from('id: 1.5\nevent: text\ndata: {"a": 1}\n\n: hb\n\ndata: [DONE]\n\nretry: 5\r\n\r\n'),
    ],
    words: ['data:', '\n\n', '\r', 'id:', 'retry:', '\uFEFF', '[DONE]'],
    parse(bytes) {
      const events: string[] = [];
      const parser = createParser({ onEvent: ({ data }) => events.push(data) });
      const decoder = new TextDecoder();
      for (let at = 0; at < bytes.length; at += 7)
        parser.feed(decoder.decode(bytes.subarray(at, at + 7), { stream: true }));
      for (const data of events) parsedJson(Buffer.from(data));
    },
  };
}

export const targets: Record<string, () => FuzzTarget> = {
  gguf: () => ({ seeds: ggufSeeds, parse: (bytes) => readGguf(memorySource(name, bytes)) }),
  safetensors: () => ({
    seeds: async () => [encodeSafetensors([tensor, other])],
    parse: (bytes) => readSafetensors(memorySource(name, bytes)),
  }),
  'shard-index': () => ({
    seeds: async () => [
      json({ metadata: { total_size: 1 }, weight_map: { a: 'model-00001-of-00002.safetensors' } }),
    ],
    words: jsonWords,
    parse: (bytes) => readShardIndex(name, bytes),
  }),
  'pytorch-bin': () => ({
    seeds: async () => [encodePytorchBin([tensor, other], [{ name: 'c', sharedWith: 'a.weight' }])],
    words: ['PK\u0003\u0004', 'PK\u0001\u0002', 'PK\u0005\u0006', '../'],
    parse: (bytes) => readPytorchBin(memorySource(name, bytes)),
  }),
  pickle: () => ({
    seeds: async () => [pickleOfTensors([tensor, other])],
    words: [
      'cos\nsystem\n',
      'R',
      '(',
      't',
      '}',
      'u',
      's',
      'b',
      '.',
      '\u0080\u0004',
      'h\u0000',
      'q\u0000',
      '2',
    ],
    parse: (bytes) => unpickleStateDict(name, bytes),
  }),
  sentencepiece: () => ({
    seeds: async () => [encodeSentencePiece(tinyVocabulary())],
    parse: (bytes) => readSentencePiece(name, bytes),
  }),
  'tokenizer-json': () => ({
    seeds: async () =>
      ['falcon', 'qwen2'].map((family) => json(tinyBytePairTokenizer(family, 300).tokenizer)),
    words: jsonWords,
    parse: (bytes) => readTokenizerJson(name, bytes),
  }),
  'adapter-config': () => ({
    seeds: async () => [
      json({
        peft_type: 'LORA',
        r: 8,
        lora_alpha: 16,
        rank_pattern: { 'layers.0.*q_proj': 4 },
        alpha_pattern: { '(k|v)_proj': 2 },
      }),
    ],
    words: [...jsonWords, '(a+)+$', '.*', '\\\\d+', '|', '"r"'],
    parse(bytes) {
      const config = readPeftConfig(name, bytes);
      const module = 'model.layers.0.self_attn.q_proj'.repeat(4);
      return [loraRank(config, module), loraScale(config, module, 8)];
    },
  }),
  'json-body': () => ({
    seeds: async () => [
      json({ input: { kind: 'message', content: 'x' }, settings: { sampling: { stop: ['a'] } } }),
    ],
    words: jsonWords,
    parse: (bytes) => parseJsonBody(bytes),
  }),
  'chat-import': () => ({
    seeds: async () => imports.map(json),
    words: [...jsonWords, '"parent"', '"role"', '"system"', '"mapping"', '"content"'],
    parse: (bytes) => readImport(parsedJson(bytes)),
  }),
  sse: serverSentEvents,
  jinja,
};
