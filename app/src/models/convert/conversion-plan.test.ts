import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  tinyModel,
  tokenizerFiles,
  weightFiles,
  writeTinyRepository,
  type TinyArchitecture,
  type TinyRepositoryOptions,
} from '../../../test/fixtures/models/tiny-repository.ts';
import { tinyAdapter } from '../../../test/hub/tiny-adapter.ts';
import { AppError } from '../../contracts/app-error.ts';
import { memorySource } from '../../formats/byte-source.ts';
import { encodeSafetensors } from '../../formats/safetensors/safetensors-writer.ts';
import { tensorDtypes, type TensorDtype } from '../../formats/tensor-file.ts';
import { openFolderRepository } from '../repository/folder-repository.ts';
import { planConversion, type ConversionPlan } from './conversion-plan.ts';
import type { RepositoryFiles } from './convert-types.ts';

interface Change {
  config?: Record<string, unknown>;
  files?: Record<string, Uint8Array>;
}

function repository(options: TinyRepositoryOptions, change: Change = {}): RepositoryFiles {
  const model = tinyModel(options);
  const files = new Map<string, Uint8Array>([
    ['config.json', Buffer.from(JSON.stringify({ ...model.config, ...change.config }))],
    ...weightFiles(model.tensors, model.shape),
    ...tokenizerFiles(model.shape),
    ...Object.entries(change.files ?? {}),
  ]);
  return {
    name: 'tiny/base',
    names: [...files.keys()],
    bytes: (name) => Promise.resolve(files.get(name)),
    shard: (name) => Promise.resolve({ source: memorySource(name, files.get(name) ?? new Uint8Array(0)) }),
  };
}

async function planOf(files: RepositoryFiles): Promise<ConversionPlan> {
  return await planConversion({ base: files, adapters: [], quantisation: 'q4_k_m' });
}

describe('a plan', () => {
  it('is the same for the same input, and another for other settings', async () => {
    const [first, second] = [await planOf(repository({})), await planOf(repository({}))];
    expect(second.hash).toBe(first.hash);
    const sum = (plan: ConversionPlan): string =>
      createHash('sha256').update(plan.layout.header).digest('hex');
    expect(sum(second)).toBe(sum(first));
    const other = await planConversion({ base: repository({}), adapters: [], quantisation: 'q8_0' });
    expect(other.hash).not.toBe(first.hash);
  });

  it('of a folder is another one when its weights, or those of an adapter in a folder, were saved again', async () => {
    const root = mkdtempSync(join(tmpdir(), 'corral-plan-'));
    const [base, adapter] = [join(root, 'base'), join(root, 'adapter')];
    await writeTinyRepository(base, {});
    const train = (seed: number): void => {
      mkdirSync(adapter, { recursive: true });
      for (const [name, content] of Object.entries(tinyAdapter({ base: 'base', seed })))
        writeFileSync(join(adapter, name), content);
    };
    train(1);
    const hash = async (): Promise<string> => {
      const opened = [await openFolderRepository(base), await openFolderRepository(adapter)] as const;
      const [{ content }, { content: files }] = opened;
      const plan = await planConversion({
        base: content,
        adapters: [{ files, weight: 1 }],
        quantisation: 'q8_0',
      });
      await Promise.all(opened.map((repository) => repository.close()));
      return plan.hash;
    };
    const first = await hash();
    expect(await hash()).toBe(first);
    const weights = join(base, 'model.safetensors');
    const bytes = readFileSync(weights);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(weights, bytes);
    const second = await hash();
    expect(second).not.toBe(first);
    train(2);
    expect(await hash()).not.toBe(second);
    rmSync(root, { recursive: true });
  });

  it.each<TinyArchitecture>(['llama', 'qwen2', 'qwen3', 'falcon-7b', 'falcon-40b'])(
    'of %s fills every tensor exactly, and reads every source byte once',
    async (architecture) => {
      const plan = await planOf(
        repository({ architecture, heads: 8, keyValueHeads: architecture === 'falcon-7b' ? 1 : 2 }),
      );
      for (const [index, tensor] of plan.tensors.entries()) {
        const rows = plan.units
          .filter((unit) => unit.tensor === index)
          .flatMap((unit) => Array.from({ length: unit.rows }, (_, row) => unit.targetRow + row));
        expect(rows.toSorted((a, b) => a - b)).toEqual(Array.from({ length: tensor.rows }, (_, row) => row));
      }
      const offsets = plan.units.map(({ sourceOffset, sourceBytes }) => [
        sourceOffset,
        sourceOffset + sourceBytes,
      ]);
      for (const [at, [begin = 0]] of offsets.entries())
        if (at > 0) expect(begin).toBeGreaterThanOrEqual(offsets[at - 1]?.[1] ?? 0);
    },
  );

  it('takes configs of the first LLaMA and the first falcon', async () => {
    const llama = repository(
      {},
      {
        config: {
          architectures: ['LLaMAForCausalLM'],
          max_position_embeddings: undefined,
          max_sequence_length: 2048,
          pad_token_id: -1,
        },
      },
    );
    expect((await planOf(llama)).summary.contextTokens).toBe(2048);
    const old = { architectures: ['RWForCausalLM'], model_type: 'RefinedWebModel', n_layer: 2, n_head: 4 };
    const gone = { num_hidden_layers: undefined, num_attention_heads: undefined, num_kv_heads: 71 };
    const falcon = repository({ architecture: 'falcon-7b' }, { config: { ...old, ...gone } });
    expect((await planOf(falcon)).summary).toMatchObject({ layers: 2, headCountKv: 1 });
  });

  it('of a falcon holds as much as its config says, and is no other where that is the default', async () => {
    const plan = async (config: Record<string, unknown>): Promise<ConversionPlan> =>
      await planOf(repository({ architecture: 'falcon-40b' }, { config }));
    expect((await plan({ max_position_embeddings: 8192 })).summary.contextTokens).toBe(8192);
    const silent = await plan({});
    expect(silent.summary.contextTokens).toBe(2048);
    const stated = await plan({ max_position_embeddings: 2048, rope_theta: 10_000, rope_scaling: null });
    expect(Buffer.from(stated.layout.header).equals(silent.layout.header)).toBe(true);
  });

  it.each<[TinyArchitecture, Record<string, unknown>]>([
    ['llama', { hidden_act: 'relu' }],
    ['qwen2', { hidden_act: 'gelu' }],
    ['falcon-7b', { activation: 'relu' }],
    ['falcon-40b', { hidden_act: 'silu' }],
  ])('of %s with %j is refused: llama.cpp would compute another activation', async (architecture, config) => {
    const refused = planOf(repository({ architecture }, { config }));
    await expect(refused).rejects.toMatchObject({
      code: 'model-unsupported',
      message: expect.stringContaining('activation') as string,
    });
  });

  it.each<[TinyArchitecture, Record<string, unknown>]>([
    ['llama', { hidden_act: undefined }],
    ['falcon-7b', { activation: 'gelu' }],
  ])('of %s with %j is made', async (architecture, config) => {
    expect((await planOf(repository({ architecture }, { config }))).tensors.length).toBeGreaterThan(0);
  });

  const llama3 = { rope_scaling: { rope_type: 'llama3', factor: 8 } };
  it.each<[string, TinyRepositoryOptions, string]>([
    ['the scaling of Llama 3', { architecture: 'qwen2', config: llama3 }, 'llama3'],
    ['the scaling of Llama 3', { architecture: 'qwen3', config: llama3 }, 'llama3'],
    ['heads that are wider than the model', { architecture: 'qwen2', headWidth: 32 }, 'heads of 128'],
  ])('with %s is refused for a family that would not load it: %j', async (_, options, why) => {
    const message = expect.stringContaining(why) as string;
    await expect(planOf(repository(options))).rejects.toMatchObject({ code: 'model-unsupported', message });
  });

  it.each<[TinyArchitecture, string]>([
    ['qwen2', 'mlp.up_proj'],
    ['qwen3', 'self_attn.o_proj'],
  ])('of %s with a bias of %s, which would not load, is refused', async (architecture, module) => {
    const name = `model.layers.0.${module}.bias`;
    const { tensors, shape } = tinyModel({ architecture });
    const size = module === 'mlp.up_proj' ? shape.feedForward : shape.width;
    tensors.set(name, { shape: [size], values: new Float32Array(size) });
    const files = Object.fromEntries(weightFiles(tensors, shape));
    const message = expect.stringContaining(name) as string;
    const refused = planOf(repository({ architecture }, { files }));
    await expect(refused).rejects.toMatchObject({ code: 'model-unsupported', message });
  });

  it.each<[string, Record<string, { dtype: TensorDtype; shape: number[] }>]>([
    ['GPTQ and AWQ', { 'q_proj.qweight': { dtype: 'i32', shape: [4] } }],
    ['bitsandbytes', { 'q_proj.weight': { dtype: 'u8', shape: [2048, 1] } }],
    [
      'FP8',
      {
        'q_proj.weight': { dtype: 'f8_e4m3', shape: [64, 64] },
        'q_proj.weight_scale_inv': { dtype: 'f32', shape: [1, 1] },
      },
    ],
  ])('of weights quantised by %s is refused with a word on where others are', async (_, stored) => {
    const { tensors } = tinyModel({});
    const module = 'model.layers.0.self_attn.';
    tensors.delete(`${module}q_proj.weight`);
    const plain = [...tensors].map(([name, { shape, values }]) => {
      return { name, dtype: 'f32' as const, shape, bytes: new Uint8Array(values.slice().buffer) };
    });
    const quantised = Object.entries(stored).map(([name, { dtype, shape }]) => {
      const bytes = new Uint8Array(shape.reduce((all, size) => all * size, tensorDtypes[dtype]));
      return { name: `${module}${name}`, dtype, shape, bytes };
    });
    const files = { 'model.safetensors': encodeSafetensors([...plain, ...quantised]) };
    await expect(planOf(repository({}, { files }))).rejects.toMatchObject({
      code: 'model-unsupported',
      hint: expect.stringContaining('full-precision original') as string,
    });
  });

  it('takes no orders from a config: code to run, trust, another reader are words like any other', async () => {
    const orders = {
      auto_map: { AutoModelForCausalLM: 'evil/repository--modeling.LlamaForCausalLM', AutoConfig: 'x.Y' },
      trust_remote_code: true,
      custom_pipelines: { chat: { impl: 'x.py' } },
      quantization_config: null,
      torch_dtype: 'float64',
    };
    const [plain, ordered] = [await planOf(repository({})), await planOf(repository({}, { config: orders }))];
    expect(Buffer.from(ordered.layout.header).equals(plain.layout.header)).toBe(true);
    expect(ordered.units).toEqual(plain.units);
  });

  it('meets any config with one clear error', async () => {
    const keys = [
      'hidden_size',
      'num_hidden_layers',
      'num_attention_heads',
      'num_key_value_heads',
      'head_dim',
      'intermediate_size',
      'vocab_size',
      'rope_scaling',
      'rope_theta',
      'rope_parameters',
      'max_position_embeddings',
      'architectures',
      'bos_token_id',
      'rms_norm_eps',
    ];
    const value = fc.oneof(
      fc.constantFrom<unknown>(-1, 0, 1, 3, 64, 2 ** 31, 2 ** 53, 0.5, null, '64', [], {}, true, [
        'LlamaForCausalLM',
      ]),
      fc.constantFrom<unknown>(
        { type: 'yarn', factor: 2 },
        { rope_type: 'llama3' },
        { type: 'linear' },
        { type: 7 },
      ),
      fc.integer(),
      fc.double(),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const change = fc.dictionary(fc.constantFrom(...keys), value, { minKeys: 1, maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(change, async (config) => {
        const result = await planOf(repository({ layers: 1 }, { config })).catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(AppError);
      }),
      { numRuns: 80 },
    );
  });
});
