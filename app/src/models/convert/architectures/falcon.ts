import { ggufEntry } from '../../../formats/gguf/gguf-writer.ts';
import type { GgufEntry } from '../../../formats/gguf/gguf-types.ts';
import type { JsonObject } from '../../../formats/json-object.ts';
import { sameRows, type Architecture, type ArchitectureTensor, type RowOrder } from './architecture.ts';
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

/** All of them the one function, computed in ways that differ by less than a weight's rounding. */
const gelus = ['gelu', 'gelu_new', 'gelu_fast', 'gelu_python', 'gelu_pytorch_tanh'];

/** What llama.cpp takes where a file names no base, as files of the first falcons do. */
const usualTheta = 10_000;

function readConfig(raw: JsonObject): ModelConfig {
  if (raw['alibi'] === true) throw configError('asks for alibi, which llama.cpp has not for falcon');
  if (raw['bias'] === true) throw configError('asks for biases, which llama.cpp has not for falcon');
  if (raw['parallel_attn'] === false) throw configError('asks for sequential attention');
  checkActivation(raw, gelus);
  const width = sizeField(raw, 'width', ['hidden_size']);
  const heads = sizeField(raw, 'heads', ['num_attention_heads', 'n_head']);
  if (width % heads !== 0) throw configError(`spreads ${width} over ${heads} heads`);
  const contextTokens = sizeField(raw, 'contextTokens', ['max_position_embeddings'], 2048);
  const rope = readRope(raw, contextTokens);
  if (rope.scaling.kind === 'llama3')
    throw configError('scales its positions by llama3, which llama.cpp has not for falcon');
  const isGrouped = raw['new_decoder_architecture'] === true || raw['model_type'] === 'RefinedWeb';
  return {
    raw,
    className: 'FalconForCausalLM',
    layers: sizeField(raw, 'layers', ['num_hidden_layers', 'n_layer']),
    width,
    heads,
    // The first falcon-7b configs state as many as there are heads although there is one.
    keyValueHeads:
      isGrouped || raw['multi_query'] === false
        ? sizeField(raw, 'heads', ['num_kv_heads', 'n_head_kv'], isGrouped ? 8 : heads)
        : 1,
    headWidth: width / heads,
    statesHeadWidth: false,
    feedForward: sizeField(raw, 'feedForward', ['ffn_hidden_size'], 4 * width),
    contextTokens,
    normEpsilon: numberField(raw, 'layer_norm_epsilon') ?? 1e-5,
    ropeTheta: rope.theta,
    ropeScaling: rope.scaling,
    vocabularySize: sizeField(raw, 'vocabularySize', ['vocab_size'], 65_024),
  };
}

function layerTensors(config: ModelConfig, layer: number): ArchitectureTensor[] {
  const { width, heads, keyValueHeads, headWidth, feedForward } = config;
  const from = `transformer.h.${layer}`;
  const to = `blk.${layer}`;
  const grouped: RowOrder =
    keyValueHeads === 1
      ? sameRows
      : { kind: 'groups', headWidth, queriesPerGroup: heads / keyValueHeads, groups: keyValueHeads };
  const norm = (source: string, name: string): ArchitectureTensor[] =>
    ['weight', 'bias'].map((part) => ({
      source: `${from}.${source}.${part}`,
      name: `${to}.${name}.${part}`,
      shape: [width],
      rows: sameRows,
      isOptional: true,
    }));
  const linear = (
    source: string,
    name: string,
    shape: [number, number],
    rows = sameRows,
  ): ArchitectureTensor => ({
    source: `${from}.${source}.weight`,
    name: `${to}.${name}.weight`,
    shape,
    rows,
  });
  return [
    // Falcon 7B has one norm; 40B has one for the feed-forward part and one for attention.
    ...norm('input_layernorm', 'attn_norm'),
    ...norm('ln_mlp', 'attn_norm'),
    ...norm('ln_attn', 'attn_norm_2'),
    linear(
      'self_attention.query_key_value',
      'attn_qkv',
      [(heads + 2 * keyValueHeads) * headWidth, width],
      grouped,
    ),
    linear('self_attention.dense', 'attn_output', [width, width]),
    linear('mlp.dense_h_to_4h', 'ffn_up', [feedForward, width]),
    linear('mlp.dense_4h_to_h', 'ffn_down', [width, feedForward]),
  ];
}

function tensors(config: ModelConfig): ArchitectureTensor[] {
  const vocabulary = { shape: [config.vocabularySize, config.width], rows: sameRows };
  const last = { shape: [config.width], rows: sameRows };
  return [
    { source: 'transformer.word_embeddings.weight', name: 'token_embd.weight', ...vocabulary },
    { source: 'lm_head.weight', name: 'output.weight', ...vocabulary, isOptional: true },
    { source: 'transformer.ln_f.weight', name: 'output_norm.weight', ...last },
    { source: 'transformer.ln_f.bias', name: 'output_norm.bias', ...last },
    ...Array.from({ length: config.layers }, (_, layer) => layerTensors(config, layer)).flat(),
  ];
}

/** Falcon 7B (one key and value for all heads), 11B and 40B (one for each group of heads), old and new configs. */
export const falcon: Architecture = {
  name: 'falcon',
  classes: ['FalconForCausalLM', 'RWForCausalLM'],
  embeddingSource: 'transformer.word_embeddings.weight',
  readConfig: (raw) => checkHeads(readConfig(raw)),
  entries: (config) => {
    const { string, u32, f32 } = ggufEntry;
    return [
      ['falcon.context_length', u32(config.contextTokens)],
      ['falcon.tensor_data_layout', string('jploski')],
      ['falcon.embedding_length', u32(config.width)],
      ['falcon.feed_forward_length', u32(config.feedForward)],
      ['falcon.block_count', u32(config.layers)],
      ['falcon.attention.head_count', u32(config.heads)],
      ['falcon.attention.head_count_kv', u32(config.keyValueHeads)],
      ['falcon.attention.layer_norm_epsilon', f32(config.normEpsilon)],
      ...(config.ropeTheta === usualTheta
        ? []
        : ([['falcon.rope.freq_base', f32(config.ropeTheta)]] as [string, GgufEntry][])),
      ...scalingEntries('falcon', config),
    ];
  },
  tensors,
  extras: () => [],
  isDropped: (source) => source.endsWith('.rotary_emb.inv_freq') || source.endsWith('.rotary.inv_freq'),
};
