import { createHash } from 'node:crypto';
import { Tokenizer } from '@huggingface/tokenizers';
import { AppError } from '../../../contracts/app-error.ts';
import { isJsonObject, type JsonObject } from '../../../formats/json-object.ts';
import type { BytePairTokenizer } from '../../../formats/tokenizer-json/tokenizer-json.ts';

/**
 * llama.cpp splits text before merging by rules it knows by name. A wrong name makes answers quietly worse, so a name is
 * only given to rules that are recognised, by their description or by what they do to the check text; all else is refused.
 */

const qwenTail = String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const contractions = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const words = String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+`;

/** The steps of a pre-tokenizer as one line each, to the name of the rules. */
const byDescription: ReadonlyMap<string, string> = new Map([
  [`split ${contractions}${words}|\\p{N}{1,3}${qwenTail}; bytes`, 'llama-bpe'],
  [`split ${contractions}${words}|\\p{N}${qwenTail}; bytes`, 'qwen2'],
  ['digits one by one; bytes with gpt-2 words', 'smollm'],
  ['bytes with gpt-2 words', 'gpt-2'],
  ['punctuation Contiguous; bytes with gpt-2 words; digits together; split [0-9][0-9][0-9]', 'falcon'],
]);

/** The text by whose tokens llama.cpp's own converter tells tokenizers apart. */
const checkText = [
  '\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶‍🌫️ (multiple emojis ',
  'concatenated) ✅ 🦙🦙 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 កាន់តែពិសេសអាច😁 ',
  "?我想在apple工作1314151天～ ------======= нещо на Български ''''''```````\"\"\"\"......!!!!!!?????? ",
  "I've been 'told he's there, 'RE you sure? 'M not sure I'll make it, 'D you ",
  "like some tea? We'Ve a'lL",
].join('');

/** sha256 of the check text's ids, written as a Python list, to the name of the rules. */
const byCheckHash: ReadonlyMap<string, string> = new Map([
  ['d4540891389ea895b53b399da6ac824becc30f2fba0e9ddbb98f92e55ca0e97c', 'qwen2'],
  ['1444df51289cfa8063b96f0e62b1125440111bc79a52003ea14b6eac7016fd5f', 'qwen35'],
  ['0fe1cf6eda062318a1af7270f3331a85c539a01778ff948e24388e949c5282f4', 'gpt-2'],
  ['0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5', 'llama-bpe'],
  ['049ecf7629871e3041641907f3de7c733e4dbfdc736f57d882ba0b0845599754', 'deepseek-llm'],
  ['347715f544604f9118bb75ed199f68779f423cabb20db6de6f31b908d04d7821', 'deepseek-coder'],
  ['8aeee3860c56296a157a1fe2fad249ec40aa59b1bb5709f4ade11c4e6fe652ed', 'falcon'],
  ['9d032fcbd5501f4a38150912590928bfb36091efb5df11b8e2124b0390e3fb1e', 'falcon3'],
  ['35d91631860c815f952d711435f48d356ebac988362536bed955d43bfa436e34', 'starcoder'],
  ['3ce83efda5659b07b1ad37ca97ca5797ea4285d9b9ab0dc679e4a720c9da7454', 'gpt-2'],
  ['32d85c31273f8019248f2559fed492d929ea28b17e51d81d3bb36fff23ca72b3', 'stablelm2'],
  ['6221ad2852e85ce96f791f476e0b390cf9b474c9e3d1362f53a24a06dc8220ff', 'refact'],
  ['e636dc30a262dcc0d8c323492e32ae2b70728f4df7dfe9737d9f920a282b8aea', 'qwen2'],
  ['a8594e3edff7c29c003940395316294b2c623e09894deebbc65f33f1515df79e', 'dbrx'],
  ['c136ed14d01c2745d4f60a9596ae66800e2b61fa45643e72436041855ad4089d', 'smaug-bpe'],
  ['63b97e4253352e6f357cc59ea5b583e3a680eaeaf2632188c2b952de2588485e', 'tekken'],
  ['855059429035d75a914d1eda9f10a876752e281a054a7a3d421ef0533e5b6249', 'smollm'],
  ['b3f499bb4255f8ca19fccd664443283318f2fd2414d5e0b040fbdd0cc195d6c5', 'deepseek-r1-qwen'],
  ['d30d75d9059f1aa2c19359de71047b3ae408c70875e8a3ccf8c5fba56c9d8af4', 'qwen35'],
] as const);

function splitStep(step: JsonObject): string {
  const pattern = step['pattern'];
  const regex = isJsonObject(pattern) ? pattern['Regex'] : undefined;
  const isPlain = step['behavior'] === 'Isolated' && step['invert'] !== true;
  return typeof regex === 'string' && isPlain ? `split ${regex}` : 'other';
}

function describeStep(step: unknown): string {
  if (!isJsonObject(step)) return 'other';
  if (step['type'] === 'Split') return splitStep(step);
  if (step['type'] === 'Digits')
    return step['individual_digits'] === true ? 'digits one by one' : 'digits together';
  if (step['type'] === 'Punctuation') return `punctuation ${String(step['behavior'])}`;
  if (step['type'] !== 'ByteLevel' || step['add_prefix_space'] === true) return 'other';
  return step['use_regex'] === false ? 'bytes' : 'bytes with gpt-2 words';
}

function stepsOf(preTokenizer: JsonObject | null): unknown[] {
  if (!preTokenizer) return [];
  const inner = preTokenizer['pretokenizers'];
  return preTokenizer['type'] === 'Sequence' && Array.isArray(inner) ? (inner as unknown[]) : [preTokenizer];
}

const describe = (preTokenizer: JsonObject | null): string =>
  stepsOf(preTokenizer).map(describeStep).join('; ');

/** Whether text is parted at its spaces at most, as SentencePiece does; Gemma says it by a split. */
export function splitsAsSentencePiece({ preTokenizer }: BytePairTokenizer): boolean {
  return stepsOf(preTokenizer).every((step) => {
    if (!isJsonObject(step)) return false;
    const pattern = step['pattern'];
    const isAtSpaces = isJsonObject(pattern) && pattern['String'] === ' ';
    return step['type'] === 'Metaspace' || (step['type'] === 'Split' && isAtSpaces);
  });
}

/** Hash of what the tokenizer makes of the check text. */
export function checkHash(tokenizerJson: Uint8Array, config: JsonObject): string {
  const json = JSON.parse(Buffer.from(tokenizerJson).toString('utf8')) as object;
  const { ids } = new Tokenizer(json, config).encode(checkText);
  return createHash('sha256')
    .update(`[${ids.join(', ')}]`)
    .digest('hex');
}

function nameByCheck(tokenizerJson: Uint8Array, config: JsonObject): string | undefined {
  try {
    return byCheckHash.get(checkHash(tokenizerJson, config));
  } catch {
    return undefined;
  }
}

/** llama.cpp's name of the rules by which a byte-level tokenizer splits text. */
export function identifyPreTokenizer(
  tokenizer: BytePairTokenizer,
  tokenizerJson: Uint8Array,
  config: JsonObject,
): string {
  const name = byDescription.get(describe(tokenizer.preTokenizer)) ?? nameByCheck(tokenizerJson, config);
  // The same rules: llama-bpe looks whole words up before it merges, which neither description nor check text tells.
  if (name === 'llama-bpe' && !tokenizer.ignoresMerges) return 'smaug-bpe';
  if (name) return name;
  throw new AppError(
    'model-unsupported',
    'How this tokenizer splits text is not among the rules that llama.cpp knows.',
    {
      hint: 'Guessing would make its answers quietly worse; a GGUF repository of the model may exist.',
      details: { known: [...new Set([...byDescription.values(), ...byCheckHash.values()])] },
    },
  );
}
