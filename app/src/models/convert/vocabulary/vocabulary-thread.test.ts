import { beforeAll, describe, expect, it } from 'vitest';
import { visibleBytes } from '../../../../test/fixtures/models/tiny-byte-pairs.ts';
import { tinyModel, tokenizerFiles, weightFiles } from '../../../../test/fixtures/models/tiny-repository.ts';
import { memorySource } from '../../../formats/byte-source.ts';
import { encodeEntries } from '../../../formats/gguf/gguf-writer.ts';
import { planConversion } from '../conversion-plan.ts';
import type { RepositoryFiles } from '../convert-types.ts';
import { encodeVocabulary } from './vocabulary-thread.ts';
import { readVocabulary } from './vocabulary.ts';

/** As many as Llama 3 has. */
const realSize = { tokens: 128_256, merges: 280_147 };
/** What a person does not see in a stream of text. */
const mostMs = 100;

/** A tokenizer.json of Llama 3's size, whose rules for splitting text are those of a family. */
function largeTokenizer(tokenizer: Record<string, unknown>): Uint8Array {
  const letters = visibleBytes();
  const word = (index: number): string =>
    [index % 191, Math.floor(index / 191) % 193, Math.floor(index / 36_863) + 194, index % 7, index % 11]
      .map((at) => letters[at])
      .join('');
  const vocab: Record<string, number> = { '<|endoftext|>': 0 };
  for (const [index, letter] of letters.entries()) vocab[letter] = index + 1;
  for (let id = 257; id < realSize.tokens; id++) vocab[word(id)] = id;
  const merges = Array.from(
    { length: realSize.merges },
    (_, index) => `${word(index + 257)} ${letters[index % 191]}`,
  );
  const model = { ...(tokenizer['model'] as Record<string, unknown>), vocab, merges };
  return Buffer.from(JSON.stringify({ ...tokenizer, model }, null, 1));
}

const small = tinyModel({ architecture: 'qwen2', width: 32, heads: 2, keyValueHeads: 1 });
const tokenizer = JSON.parse(
  Buffer.from(tokenizerFiles(small.shape).get('tokenizer.json') ?? []).toString('utf8'),
) as Record<string, unknown>;
const large = {
  architecture: 'qwen2',
  width: 32,
  heads: 2,
  keyValueHeads: 1,
  vocabularySize: realSize.tokens,
} as const;
let model: ReturnType<typeof tinyModel>;
let known: Uint8Array;
let unknown: Uint8Array;
beforeAll(() => {
  model = tinyModel({ ...large, tied: true });
  known = largeTokenizer(tokenizer);
  unknown = largeTokenizer({ ...tokenizer, pre_tokenizer: { type: 'Whitespace' } });
});

function repository(tokenizerBytes: Uint8Array): RepositoryFiles {
  const files = new Map<string, Uint8Array>([
    ['config.json', Buffer.from(JSON.stringify(model.config))],
    ...weightFiles(model.tensors, model.shape),
    ['tokenizer.json', tokenizerBytes],
  ]);
  return {
    name: 'tiny/base',
    names: [...files.keys()],
    bytes: (name) => Promise.resolve(files.get(name)),
    shard: (name) => Promise.resolve({ source: memorySource(name, files.get(name) ?? new Uint8Array(0)) }),
  };
}

/** The longest turn of this thread meanwhile, in processor time: others may be at work beside it. */
async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  const spentMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let longest = 0;
  const state = { isOver: false };
  let before = spentMs();
  const ended = work().finally(() => (state.isOver = true));
  while (!state.isOver) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const now = spentMs();
    longest = Math.max(longest, now - before);
    before = now;
  }
  await ended;
  return longest;
}

describe('a vocabulary of real size', () => {
  it('is planned with while everything else goes on', async () => {
    expect(known.length).toBeGreaterThan(8_000_000);
    const base = repository(known);
    const plan = () => planConversion({ base, adapters: [], quantisation: 'q4_k_m' });
    // The first one loads what planning needs.
    await plan();
    expect(await longestTurnMs(plan)).toBeLessThan(mostMs);
    // What is kept away from this thread is worth it.
    const here = async () => readVocabulary({ tokenizer: known }, realSize.tokens, {});
    expect(await longestTurnMs(here)).toBeGreaterThan(2 * mostMs);
  });

  it('so is one whose rules nobody knows, which is tried out and refused', async () => {
    const base = repository(unknown);
    const plan = () =>
      expect(planConversion({ base, adapters: [], quantisation: 'q4_k_m' })).rejects.toMatchObject({
        code: 'model-unsupported',
      });
    expect(await longestTurnMs(plan)).toBeLessThan(mostMs);
  });

  it('comes out as it does in this thread', async () => {
    const task = { files: { tokenizer: known }, size: realSize.tokens, config: {} };
    const { entries, notes } = await encodeVocabulary(task);
    const here = readVocabulary(task.files, task.size, task.config);
    const wanted = encodeEntries(here.entries);
    expect(notes).toEqual(here.notes);
    expect(entries.count).toBe(wanted.count);
    expect(Buffer.from(entries.bytes).equals(wanted.bytes)).toBe(true);
  });

  it('is left when its reader gives up', async () => {
    const abort = new AbortController();
    const task = { files: { tokenizer: known }, size: realSize.tokens, config: {} };
    const reading = encodeVocabulary(task, abort.signal);
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });
});

describe('a vocabulary that cannot be read', () => {
  it('is refused with what the reader says', async () => {
    const task = { files: { tokenizer: Buffer.from('{}') }, size: 10, config: {} };
    await expect(encodeVocabulary(task)).rejects.toMatchObject({ code: 'file-invalid' });
  });
});
