/**
 * Which names mean the same base weights. Adapters name their base as their authors had it: a mirror that is gone, a
 * folder on a machine of theirs, a copy in four bits. The first of each list is the one to fetch.
 */
const sameBase: readonly (readonly string[])[] = [
  [
    'huggyllama/llama-7b',
    '/gscratch/zlab/llama/7B',
    'decapoda-research/llama-7b-hf',
    'yahma/llama-7b-hf',
    'jeffwan/llama-7b-hf',
    'baffo32/decapoda-research-llama-7B-hf',
    'elinas/llama-7b-hf-transformers-4.29',
  ],
  [
    'huggyllama/llama-13b',
    '/gscratch/zlab/llama/13B',
    'decapoda-research/llama-13b-hf',
    'yahma/llama-13b-hf',
  ],
  [
    'huggyllama/llama-30b',
    '/gscratch/zlab/llama/30B',
    '/gscratch/zlab/llama/33B',
    'decapoda-research/llama-30b-hf',
  ],
  ['huggyllama/llama-65b', '/gscratch/zlab/llama/65B', 'decapoda-research/llama-65b-hf'],
  [
    'meta-llama/Llama-2-7b-hf',
    'NousResearch/Llama-2-7b-hf',
    'TheBloke/Llama-2-7B-fp16',
    'unsloth/llama-2-7b',
  ],
  ['meta-llama/Llama-2-7b-chat-hf', 'NousResearch/Llama-2-7b-chat-hf', 'unsloth/llama-2-7b-chat'],
  ['meta-llama/Llama-2-13b-hf', 'NousResearch/Llama-2-13b-hf', 'TheBloke/Llama-2-13B-fp16'],
  ['meta-llama/Llama-3.2-1B-Instruct', 'unsloth/Llama-3.2-1B-Instruct'],
  ['meta-llama/Llama-3.2-3B-Instruct', 'unsloth/Llama-3.2-3B-Instruct'],
  ['meta-llama/Meta-Llama-3-8B', 'NousResearch/Meta-Llama-3-8B', 'unsloth/llama-3-8b'],
  [
    'meta-llama/Llama-3.1-8B-Instruct',
    'meta-llama/Meta-Llama-3.1-8B-Instruct',
    'unsloth/Meta-Llama-3.1-8B-Instruct',
  ],
  ['mistralai/Mistral-7B-v0.1', 'unsloth/mistral-7b'],
  ['mistralai/Mistral-7B-Instruct-v0.2', 'unsloth/mistral-7b-instruct-v0.2'],
  ['TinyLlama/TinyLlama-1.1B-Chat-v1.0', 'unsloth/tinyllama-chat'],
  ['tiiuae/falcon-7b', 'ybelkada/falcon-7b-sharded-bf16', 'vilsonrodrigues/falcon-7b-sharded'],
  ['tiiuae/falcon-7b-instruct', 'vilsonrodrigues/falcon-7b-instruct-sharded'],
];

/** Repositories of adapters whose config names nothing that can be fetched, and what they were trained on. */
const knownAdapters: Readonly<Record<string, string>> = {
  'timdettmers/guanaco-7b': 'huggyllama/llama-7b',
  'timdettmers/guanaco-13b': 'huggyllama/llama-13b',
  'timdettmers/guanaco-33b': 'huggyllama/llama-30b',
  'timdettmers/guanaco-65b': 'huggyllama/llama-65b',
  'tloen/alpaca-lora-7b': 'huggyllama/llama-7b',
};

const hubId = /^[A-Za-z0-9_][\w.-]*\/[A-Za-z0-9_][\w.-]*$/;

/** Unsloth's copies in four bits are named like its full-precision ones, with an ending. */
const fullPrecision = (name: string): string => name.replace(/^(unsloth\/.+?)-(?:unsloth-)?bnb-4bit$/i, '$1');

/** The Hub id that an adapter's own base name means; undefined for a private path that is not known. */
export function baseOf(adapter: string, named: string): string | undefined {
  const known = knownAdapters[adapter];
  if (known !== undefined) return known;
  const full = fullPrecision(named);
  const group = groupOf(full);
  if (group !== undefined) return group[0];
  return hubId.test(full) ? full : undefined;
}

/** Whether two names mean the same base weights. */
export function isSameBase(one: string, other: string): boolean {
  const [first, second] = [fullPrecision(one).toLowerCase(), fullPrecision(other).toLowerCase()] as const;
  if (first === second || isUnslothCopy(first, second) || isUnslothCopy(second, first)) return true;
  const group = groupOf(first);
  return group !== undefined && group === groupOf(second);
}

/** Unsloth's copies keep the name of what they are copies of. */
function isUnslothCopy(copy: string, original: string): boolean {
  const [owner, name] = copy.split('/');
  return owner === 'unsloth' && name !== undefined && name === original.split('/')[1];
}

function groupOf(name: string): readonly string[] | undefined {
  const lower = name.replace(/\/$/, '').toLowerCase();
  return sameBase.find((group) => group.some((member) => member.toLowerCase() === lower));
}
