import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OracleModel } from '../../../test/fixtures/llama-library.ts';
import {
  naiveLogits,
  type NaiveModel,
  type NaiveOptions,
} from '../../../test/fixtures/models/naive-forward.ts';
import { writeTinyAdapter, type TinyAdapterOptions } from '../../../test/fixtures/models/tiny-adapter.ts';
import {
  writeTinyRepository,
  type TinyRepositoryOptions,
  type TinyTensor,
} from '../../../test/fixtures/models/tiny-repository.ts';
import { temporaryFolder } from '../../../test/fixtures/temporary-folder.ts';
import { convertTo } from '../../../test/fixtures/models/convert-folder.ts';

const tokens = [1, 300, 17, 42, 380, 5, 260, 261, 99, 300];
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let count = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => await folder.remove());

function newFolder(): string {
  count += 1;
  return join(folder.path, String(count));
}

/** The largest difference of any logit after any token. */
function distance(path: string, model: NaiveModel, options?: NaiveOptions): number {
  const oracle = new OracleModel(path);
  try {
    const ours = naiveLogits(model, tokens, options);
    const theirs = oracle.logits(tokens);
    return Math.max(
      ...ours.map((row, at) => Math.max(...row.map((x, i) => Math.abs(x - (theirs[at]?.[i] ?? NaN))))),
    );
  } finally {
    oracle.close();
  }
}

async function converted(options: TinyRepositoryOptions): Promise<{ path: string; model: NaiveModel }> {
  const repository = await writeTinyRepository(newFolder(), options);
  return {
    path: await convertTo(newFolder(), { base: repository.folder, quantisation: 'f32' }),
    model: repository,
  };
}

const llama3Scaling = {
  rope_scaling: {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  },
};

describe('a converted f32 file answers as the Hugging Face tensors say', () => {
  it.each<[string, TinyRepositoryOptions, number]>([
    ['llama', {}, 1e-3],
    ['llama with as many keys as heads', { keyValueHeads: 4, seed: 2 }, 1e-3],
    ['llama with wide heads', { config: { head_dim: 32 }, headWidth: 32 }, 1e-3],
    ['llama with a tied output', { tied: true }, 1e-3],
    ['llama in f16', { dtype: 'f16' }, 1e-3],
    ['llama in bf16 and three shards', { dtype: 'bf16', shards: 3 }, 1e-3],
    ['mistral', { config: { architectures: ['MistralForCausalLM'], model_type: 'mistral' } }, 1e-3],
    ['qwen2', { architecture: 'qwen2' }, 1e-3],
    ['qwen2 with a tied output', { architecture: 'qwen2', tied: true }, 1e-3],
    ['qwen3', { architecture: 'qwen3', headWidth: 32, config: { head_dim: 32 } }, 1e-3],
    ['falcon 7B', { architecture: 'falcon-7b' }, 3e-3],
    ['falcon 40B', { architecture: 'falcon-40b', heads: 8, keyValueHeads: 2 }, 3e-3],
  ])('%s', async (_, options, tolerance) => {
    const { path, model } = await converted(options);
    expect(distance(path, model)).toBeLessThan(tolerance);
  });

  it('llama with the scaling of Llama 3', async () => {
    const { path, model } = await converted({ config: llama3Scaling });
    const frequencyFactors = [1, 1, 1, 1, 1, 1, 1, 1].map((_, index) => {
      const wavelength = 2 * Math.PI * 10_000 ** (index / 8);
      if (wavelength < 16) return 1;
      if (wavelength > 64) return 8;
      const smooth = (64 / wavelength - 1) / 3;
      return 1 / ((1 - smooth) / 8 + smooth);
    });
    expect(distance(path, model, { frequencyFactors })).toBeLessThan(1e-3);
    expect(distance(path, model)).toBeGreaterThan(1e-2);
  });

  it('llama with linear scaling', async () => {
    const { path, model } = await converted({ config: { rope_scaling: { type: 'linear', factor: 4 } } });
    expect(distance(path, model, { linearFactor: 4 })).toBeLessThan(1e-3);
    expect(distance(path, model)).toBeGreaterThan(1e-2);
  });

  describe('llama with yarn', () => {
    const factor = 4;
    const originalContext = 64;
    /** Transformers' `_compute_yarn_parameters` for heads of 16: which frequencies are stretched, and how far. */
    const frequencyFactors = ((): number[] => {
      const dimension = (rotations: number): number =>
        (16 * Math.log(originalContext / (rotations * 2 * Math.PI))) / (2 * Math.log(10_000));
      const low = Math.max(0, Math.floor(dimension(32)));
      const high = Math.min(15, Math.ceil(dimension(1)));
      return Array.from({ length: 8 }, (_, index) => {
        const ramp = Math.min(1, Math.max(0, (index - low) / Math.max(0.001, high - low)));
        return 1 / (ramp / factor + (1 - ramp));
      });
    })();
    const scaling = { rope_type: 'yarn', factor, original_max_position_embeddings: originalContext };
    const own = 0.1 * Math.log(factor) + 1;
    const mixed = (0.1 * 0.7 * Math.log(factor) + 1) / (0.1 * 1.4 * Math.log(factor) + 1);

    it.each<[string, Record<string, unknown>, number]>([
      ['as it is', {}, own],
      ['and a stated growth', { attention_factor: 0.8 }, 0.8],
      ['and the growth of DeepSeek', { mscale: 0.7, mscale_all_dim: 1.4 }, mixed],
      ['and a multiple of its growth', { attn_factor: 0.8 }, 0.8 * own],
      [
        'and a multiple of the growth of DeepSeek',
        { mscale: 0.7, mscale_all_dim: 1.4, attn_factor: 0.8 },
        0.8 * mixed,
      ],
      ['and a stated growth beside a multiple', { attention_factor: 0.8, attn_factor: 0.5 }, 0.8],
      ['and its constants stated', { beta_fast: 32, beta_slow: 1 }, own],
    ])('%s', async (_, change, attentionFactor) => {
      const { path, model } = await converted({ config: { rope_scaling: { ...scaling, ...change } } });
      expect(distance(path, model, { frequencyFactors, attentionFactor })).toBeLessThan(1e-3);
      expect(distance(path, model, { frequencyFactors })).toBeGreaterThan(1e-2);
      expect(distance(path, model, { attentionFactor })).toBeGreaterThan(1e-2);
    });

    it.each([{ beta_fast: 16 }, { beta_slow: 2 }, { extrapolation_factor: 0.5 }, { truncate: false }])(
      'is refused with %j, which llama.cpp would not see',
      async (change) => {
        const refused = converted({ config: { rope_scaling: { ...scaling, ...change } } });
        await expect(refused).rejects.toMatchObject({
          code: 'model-unsupported',
          message: expect.stringMatching(/yarn/) as string,
        });
      },
    );
  });
});

describe('a converted falcon turns positions as its config says', () => {
  const falcon = { architecture: 'falcon-40b', heads: 8, keyValueHeads: 2 } as const;

  it('by the base of falcon-11B', async () => {
    const { path, model } = await converted({ ...falcon, config: { rope_theta: 500_042 } });
    // The forward pass turns falcon by a base of 10 000; what each frequency is divided by makes it the other one.
    const frequencyFactors = [0, 1, 2, 3].map((index) => (500_042 / 10_000) ** (index / 4));
    expect(distance(path, model, { frequencyFactors })).toBeLessThan(3e-3);
    expect(distance(path, model)).toBeGreaterThan(1e-2);
  });

  it('with linear scaling', async () => {
    const config = { rope_scaling: { type: 'linear', factor: 4 } };
    const { path, model } = await converted({ ...falcon, config });
    expect(distance(path, model, { linearFactor: 4 })).toBeLessThan(3e-3);
    expect(distance(path, model)).toBeGreaterThan(1e-2);
  });

  it('and is refused with the scaling of Llama 3, for which llama.cpp has no place in it', async () => {
    const refused = converted({ ...falcon, config: llama3Scaling });
    await expect(refused).rejects.toMatchObject({
      code: 'model-unsupported',
      message: expect.stringMatching(/llama3/) as string,
    });
  });
});

describe('a merged adapter', () => {
  it.each<[string, TinyRepositoryOptions, TinyAdapterOptions, number]>([
    ['on llama', {}, {}, 1],
    ['on llama in f16, adapter in bf16', { dtype: 'f16' }, { dtype: 'bf16' }, 1],
    ['as .bin', {}, { file: 'bin', dtype: 'f16' }, 1],
    ['with a weight', {}, { seed: 5 }, 0.4],
    // PEFT itself turns the flag off on linear layers, and no family here has others.
    ['that says fan_in_fan_out', {}, { fanInFanOut: true }, 1],
    ['that says fan_in_fan_out, on the embedding too', {}, { fanInFanOut: true, embedding: true }, 1],
    ['rank-stabilised', {}, { rankStabilised: true, rank: 9 }, 1],
    [
      'with patterns',
      {},
      { rankPattern: { 'layers.1.self_attn.q_proj': 7 }, alphaPattern: { down_proj: 20 } },
      1,
    ],
    ['of a rank of 64', {}, { rank: 64, alpha: 16 }, 1],
    ['on the embedding', {}, { embedding: true }, 1],
    ['on the embedding that is the output', { tied: true }, { embedding: true }, 1],
    ['with whole tensors', {}, { replaced: ['lm_head.weight', 'model.norm.weight'] }, 1],
    ['with biases on qwen2', { architecture: 'qwen2' }, { targets: ['q_proj', 'v_proj'], loraBias: true }, 1],
    ['on qwen3', { architecture: 'qwen3' }, {}, 1],
    ['on falcon 7B', { architecture: 'falcon-7b' }, {}, 1],
    ['on falcon 40B', { architecture: 'falcon-40b', heads: 8, keyValueHeads: 2 }, {}, 1],
  ])('%s', async (_, options, adapterOptions, weight) => {
    const repository = await writeTinyRepository(newFolder(), options);
    const adapter = await writeTinyAdapter(newFolder(), repository, adapterOptions);
    const path = await convertTo(newFolder(), {
      base: repository.folder,
      adapters: [{ folder: adapter.folder, weight }],
      quantisation: 'f32',
    });
    const tolerance = options.architecture?.startsWith('falcon') ? 3e-3 : 1e-3;
    expect(distance(path, { ...repository, tensors: adapter.merged(weight) })).toBeLessThan(tolerance);
    expect(distance(path, repository)).toBeGreaterThan(2e-2);
  });

  describe('with an embedding for a base whose output is the embedding', () => {
    const replaced = ['model.embed_tokens.weight'];

    it.each<[string, TinyAdapterOptions, boolean]>([
      ['leaves the output as it was, as PEFT trained it', {}, false],
      ['changes the output too where PEFT kept the two one', { ensureWeightTying: true }, true],
      ['changes the output too beside a LoRA of the embedding', { embedding: true }, true],
    ])('%s', async (_, options, isTied) => {
      const repository = await writeTinyRepository(newFolder(), { tied: true });
      const adapter = await writeTinyAdapter(newFolder(), repository, { replaced, ...options });
      const adapters = [{ folder: adapter.folder, weight: 1 }];
      const path = await convertTo(newFolder(), { base: repository.folder, adapters, quantisation: 'f32' });
      const tied = adapter.merged();
      const embedding = repository.tensors.get('model.embed_tokens.weight') as TinyTensor;
      const untied = new Map(tied).set('lm_head.weight', embedding);
      const [right, wrong] = isTied ? [tied, untied] : [untied, tied];
      expect(distance(path, { ...repository, tensors: right })).toBeLessThan(1e-3);
      expect(distance(path, { ...repository, tensors: wrong })).toBeGreaterThan(1e-1);
    });

    it('is refused where its size is another, as an output of that size is nowhere', async () => {
      const repository = await writeTinyRepository(newFolder(), { tied: true });
      const larger = await writeTinyRepository(newFolder(), { tied: true, vocabularySize: 400 });
      const adapter = await writeTinyAdapter(newFolder(), larger, { replaced });
      const adapters = [{ folder: adapter.folder, weight: 1 }];
      const refused = convertTo(newFolder(), { base: repository.folder, adapters, quantisation: 'f32' });
      await expect(refused).rejects.toMatchObject({ code: 'adapter-mismatch' });
    });
  });

  it('adds up with a second one', async () => {
    const repository = await writeTinyRepository(newFolder());
    const first = await writeTinyAdapter(newFolder(), repository, { seed: 1 });
    const second = await writeTinyAdapter(
      newFolder(),
      { ...repository, tensors: first.merged(0.5) },
      { seed: 9, rank: 3 },
    );
    const path = await convertTo(newFolder(), {
      base: repository.folder,
      adapters: [
        { folder: first.folder, weight: 0.5 },
        { folder: second.folder, weight: 1 },
      ],
      quantisation: 'f32',
    });
    expect(distance(path, { ...repository, tensors: second.merged() })).toBeLessThan(1e-3);
  });
});

describe('a planted fault is seen', () => {
  const swapped = (values: Float32Array, rows: number, columns: number): Float32Array =>
    Float32Array.from(values, (_, at) => values[(at % rows) * columns + Math.floor(at / rows)] ?? 0);

  it('rows of queries that were not woven', async () => {
    const { path, model } = await converted({});
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const { shape, values } = model.tensors.get(name) as { shape: number[]; values: Float32Array };
    const rows = Float32Array.from(values, (_, at) => {
      const row = Math.floor(at / 64);
      const within = row % 16;
      const from = row - within + (within % 2) * 8 + Math.floor(within / 2);
      return values[from * 64 + (at % 64)] ?? 0;
    });
    const faulty = new Map(model.tensors).set(name, { shape, values: rows });
    expect(distance(path, { ...model, tensors: faulty })).toBeGreaterThan(1e-2);
  });

  it('another base of the rotation', async () => {
    const { path, model } = await converted({});
    const config = { ...model.config, rope_theta: 500_000 };
    expect(distance(path, { ...model, config })).toBeGreaterThan(1e-2);
  });

  it('A and B swapped', async () => {
    const repository = await writeTinyRepository(newFolder());
    const adapter = await writeTinyAdapter(newFolder(), repository, { targets: ['o_proj'] });
    const path = await convertTo(newFolder(), {
      base: repository.folder,
      adapters: [{ folder: adapter.folder, weight: 1 }],
      quantisation: 'f32',
    });
    const name = 'model.layers.0.self_attn.o_proj.weight';
    const merged = adapter.merged();
    const right = merged.get(name) as { shape: number[]; values: Float32Array };
    const base = repository.tensors.get(name) as { shape: number[]; values: Float32Array };
    const delta = right.values.map((value, at) => value - (base.values[at] ?? 0));
    const turned = swapped(delta, 64, 64);
    const faulty = merged.set(name, {
      shape: right.shape,
      values: base.values.map((value, at) => value + (turned[at] ?? 0)),
    });
    expect(distance(path, { ...repository, tensors: faulty })).toBeGreaterThan(1e-2);
  });

  it('a scale that was left out', async () => {
    const repository = await writeTinyRepository(newFolder());
    const adapter = await writeTinyAdapter(newFolder(), repository, { alpha: 16 });
    const path = await convertTo(newFolder(), {
      base: repository.folder,
      adapters: [{ folder: adapter.folder, weight: 1 }],
      quantisation: 'f32',
    });
    expect(distance(path, { ...repository, tensors: adapter.merged(0.25) })).toBeGreaterThan(1e-2);
  });
});
