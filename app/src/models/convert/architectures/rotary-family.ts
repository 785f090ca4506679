import { ggufEntry } from '../../../formats/gguf/gguf-writer.ts';
import type { GgufEntry } from '../../../formats/gguf/gguf-types.ts';
import type { JsonObject } from '../../../formats/json-object.ts';
import {
  sameRows,
  type Architecture,
  type ArchitectureTensor,
  type ExtraTensor,
  type RowOrder,
} from './architecture.ts';
import {
  checkActivation,
  checkHeads,
  configError,
  numberField,
  readRope,
  sizeField,
  type ModelConfig,
} from './model-config.ts';
import { scalingEntries } from './scaling-entries.ts';

/** What the llama family and the qwen families share: names, hyperparameters, rotary positions. */
export interface RotaryFamily {
  name: 'llama' | 'qwen2' | 'qwen3';
  classes: readonly string[];
  defaults: {
    contextTokens: number;
    ropeTheta?: number;
    /** Where config.json is silent; otherwise as many as there are heads. */
    keyValueHeads?: (raw: JsonObject) => number | undefined;
  };
  /** Whether llama.cpp turns neighbours (llama) or halves (the others). */
  isWoven: boolean;
  hasQueryKeyNorms?: boolean;
  /** Whether llama.cpp has a place for biases other than those of queries, keys and values. */
  hasBiasesEverywhere?: boolean;
  /** Whether it has one for the frequencies that Llama 3 stretches. */
  hasStretchedFrequencies?: boolean;
  /** Whether the heads together may be wider or narrower than the model. */
  hasFreeHeadWidth?: boolean;
}

/** What llama.cpp has no place for is refused here: the file would be written whole and then never load. */
function checkFamily(family: RotaryFamily, config: ModelConfig): ModelConfig {
  if (config.ropeScaling.kind === 'llama3' && !family.hasStretchedFrequencies)
    throw configError(`scales its positions by llama3, which llama.cpp has not for ${family.name}`);
  const together = config.heads * config.headWidth;
  if (together !== config.width && !family.hasFreeHeadWidth)
    throw configError(
      `has heads of ${together} together beside a width of ${config.width}, which llama.cpp has not for ${family.name}`,
    );
  return config;
}

function readConfig(family: RotaryFamily, raw: JsonObject, className: string): ModelConfig {
  checkActivation(raw, ['silu', 'swish']);
  const width = sizeField(raw, 'width', ['hidden_size']);
  const heads = sizeField(raw, 'heads', ['num_attention_heads']);
  const stated = numberField(raw, 'head_dim');
  if (stated === undefined && width % heads !== 0) throw configError(`spreads ${width} over ${heads} heads`);
  const contextTokens = sizeField(
    raw,
    'contextTokens',
    ['max_position_embeddings', 'max_sequence_length', 'n_ctx'],
    family.defaults.contextTokens,
  );
  const rope = readRope(raw, contextTokens);
  return {
    raw,
    className,
    layers: sizeField(raw, 'layers', ['num_hidden_layers']),
    width,
    heads,
    keyValueHeads: sizeField(
      raw,
      'heads',
      ['num_key_value_heads'],
      family.defaults.keyValueHeads?.(raw) ?? heads,
    ),
    headWidth: sizeField(raw, 'headWidth', ['head_dim'], width / heads),
    statesHeadWidth: stated !== undefined,
    feedForward: sizeField(raw, 'feedForward', ['intermediate_size']),
    contextTokens,
    normEpsilon: numberField(raw, 'rms_norm_eps') ?? 1e-6,
    ropeTheta: rope.theta,
    ropeScaling: rope.scaling,
    vocabularySize: sizeField(raw, 'vocabularySize', ['vocab_size'], 32_000),
  };
}

function entries(family: RotaryFamily, config: ModelConfig): [string, GgufEntry][] {
  const { u32, f32 } = ggufEntry;
  const at = family.name;
  return [
    [`${at}.block_count`, u32(config.layers)],
    [`${at}.context_length`, u32(config.contextTokens)],
    [`${at}.embedding_length`, u32(config.width)],
    [`${at}.feed_forward_length`, u32(config.feedForward)],
    [`${at}.attention.head_count`, u32(config.heads)],
    [`${at}.attention.head_count_kv`, u32(config.keyValueHeads)],
    ...(config.statesHeadWidth
      ? ([
          [`${at}.attention.key_length`, u32(config.headWidth)],
          [`${at}.attention.value_length`, u32(config.headWidth)],
        ] as [string, GgufEntry][])
      : []),
    [`${at}.attention.layer_norm_rms_epsilon`, f32(config.normEpsilon)],
    [`${at}.rope.dimension_count`, u32(config.headWidth)],
    [`${at}.rope.freq_base`, f32(config.ropeTheta)],
    ...scalingEntries(at, config),
    [`${at}.vocab_size`, u32(config.vocabularySize)],
  ];
}

const otherBias = /(?<!\.[qkv]_proj)\.bias$/;

function layerTensors(family: RotaryFamily, config: ModelConfig, layer: number): ArchitectureTensor[] {
  const { width, headWidth, heads, keyValueHeads, feedForward } = config;
  const from = `model.layers.${layer}`;
  const to = `blk.${layer}`;
  const turned: RowOrder = family.isWoven ? { kind: 'woven', headWidth } : sameRows;
  const linear = (
    source: string,
    name: string,
    [out, input]: [number, number],
    rows = sameRows,
  ): ArchitectureTensor[] => [
    { source: `${from}.${source}.weight`, name: `${to}.${name}.weight`, shape: [out, input], rows },
    { source: `${from}.${source}.bias`, name: `${to}.${name}.bias`, shape: [out], rows, isOptional: true },
  ];
  const norm = (source: string, name: string, size: number): ArchitectureTensor => ({
    source: `${from}.${source}.weight`,
    name: `${to}.${name}.weight`,
    shape: [size],
    rows: sameRows,
  });
  const queryWidth = heads * headWidth;
  const keyWidth = keyValueHeads * headWidth;
  const all = [
    norm('input_layernorm', 'attn_norm', width),
    ...linear('self_attn.q_proj', 'attn_q', [queryWidth, width], turned),
    ...linear('self_attn.k_proj', 'attn_k', [keyWidth, width], turned),
    ...linear('self_attn.v_proj', 'attn_v', [keyWidth, width]),
    ...linear('self_attn.o_proj', 'attn_output', [width, queryWidth]),
    ...(family.hasQueryKeyNorms
      ? [
          norm('self_attn.q_norm', 'attn_q_norm', headWidth),
          norm('self_attn.k_norm', 'attn_k_norm', headWidth),
        ]
      : []),
    norm('post_attention_layernorm', 'ffn_norm', width),
    ...linear('mlp.gate_proj', 'ffn_gate', [feedForward, width]),
    ...linear('mlp.up_proj', 'ffn_up', [feedForward, width]),
    ...linear('mlp.down_proj', 'ffn_down', [width, feedForward]),
  ];
  return family.hasBiasesEverywhere ? all : all.filter(({ source }) => !otherBias.test(source));
}

function tensors(family: RotaryFamily, config: ModelConfig): ArchitectureTensor[] {
  const { width, vocabularySize } = config;
  const vocabulary = { shape: [vocabularySize, width], rows: sameRows };
  return [
    { source: 'model.embed_tokens.weight', name: 'token_embd.weight', ...vocabulary },
    { source: 'lm_head.weight', name: 'output.weight', ...vocabulary, isOptional: true },
    { source: 'model.norm.weight', name: 'output_norm.weight', shape: [width], rows: sameRows },
    ...Array.from({ length: config.layers }, (_, layer) => layerTensors(family, config, layer)).flat(),
  ];
}

/** Llama 3's stretching of slow rotations, one divisor for each frequency. */
function extras(config: ModelConfig): ExtraTensor[] {
  const scaling = config.ropeScaling;
  if (scaling.kind !== 'llama3') return [];
  const { factor, lowFactor, highFactor, originalContext } = scaling;
  const values = Float32Array.from({ length: config.headWidth / 2 }, (_, index) => {
    const power = Math.fround(config.ropeTheta ** Math.fround((2 * index) / config.headWidth));
    const frequency = Math.fround(1 / power);
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < originalContext / highFactor) return 1;
    if (wavelength > originalContext / lowFactor) return factor;
    const smooth = (originalContext / wavelength - lowFactor) / (highFactor - lowFactor);
    return 1 / ((1 - smooth) / factor + smooth);
  });
  return [{ name: 'rope_freqs.weight', values }];
}

export function rotaryArchitecture(family: RotaryFamily): Architecture {
  return {
    name: family.name,
    classes: family.classes,
    embeddingSource: 'model.embed_tokens.weight',
    readConfig: (raw) =>
      checkFamily(family, checkHeads(readConfig(family, raw, family.classes[0] ?? family.name))),
    entries: (config) => entries(family, config),
    tensors: (config) => tensors(family, config),
    extras,
    isDropped: (source) => source.endsWith('.rotary_emb.inv_freq'),
  };
}
