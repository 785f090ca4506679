import { ggufEntry, layOutGguf, type GgufTensorShape } from '../../formats/gguf/gguf-writer.ts';
import type { GgufEntry } from '../../formats/gguf/gguf-types.ts';

/**
 * A model of half a megabyte whose weights follow from a formula, so that what it answers is known beforehand: libraries that
 * are not this release's are tried out with it.
 */
const width = 64;
const layers = 2;
const heads = 4;
const feedForward = 128;
const pieces = [
  ['<unk>', 2],
  ['<s>', 3],
  ['</s>', 3],
  ...Array.from(
    { length: 256 },
    (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 6] as const,
  ),
  ...Array.from('\u2581etaoinshrdlu', (letter) => [letter, 1] as const),
] as const;

export function trialModelBytes(): Uint8Array {
  const shapes = tensors();
  const layout = layOutGguf(entries(), shapes);
  const bytes = new Uint8Array(layout.sizeBytes);
  bytes.set(layout.header);
  for (const [index, shape] of shapes.entries()) {
    const values = valuesOf(shape, index);
    bytes.set(new Uint8Array(values.buffer), layout.tensors[index]?.offset);
  }
  return bytes;
}

function tensors(): GgufTensorShape[] {
  const tensor = (name: string, ...dimensions: number[]): GgufTensorShape => ({
    name: `${name}.weight`,
    dimensions,
    type: 'f32',
  });
  const layer = (index: number): GgufTensorShape[] => [
    tensor(`blk.${index}.attn_norm`, width),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) =>
      tensor(`blk.${index}.${name}`, width, width),
    ),
    tensor(`blk.${index}.ffn_norm`, width),
    tensor(`blk.${index}.ffn_gate`, width, feedForward),
    tensor(`blk.${index}.ffn_up`, width, feedForward),
    tensor(`blk.${index}.ffn_down`, feedForward, width),
  ];
  return [
    tensor('token_embd', width, pieces.length),
    tensor('output_norm', width),
    tensor('output', width, pieces.length),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
  ];
}

/** Norms are ones; everything else swings between values that no two places share. */
function valuesOf(shape: GgufTensorShape, seed: number): Float32Array {
  const count = shape.dimensions.reduce((product, size) => product * size, 1);
  if (shape.dimensions.length === 1) return new Float32Array(count).fill(1);
  const scale = 1.4 / Math.sqrt(shape.dimensions[0] ?? 1);
  return Float32Array.from(
    { length: count },
    (_, index) => scale * Math.sin(index * 12.9898 + seed * 78.233),
  );
}

function entries(): [string, GgufEntry][] {
  const { u32, f32, string, array } = ggufEntry;
  return [
    ['general.architecture', string('llama')],
    ['general.name', string('trial')],
    ['llama.context_length', u32(256)],
    ['llama.embedding_length', u32(width)],
    ['llama.block_count', u32(layers)],
    ['llama.feed_forward_length', u32(feedForward)],
    ['llama.attention.head_count', u32(heads)],
    ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ['llama.rope.dimension_count', u32(width / heads)],
    ['llama.vocab_size', u32(pieces.length)],
    ['tokenizer.ggml.model', string('llama')],
    [
      'tokenizer.ggml.tokens',
      array(
        'string',
        pieces.map(([piece]) => piece),
      ),
    ],
    [
      'tokenizer.ggml.scores',
      array(
        'f32',
        pieces.map((_, index) => -index),
      ),
    ],
    [
      'tokenizer.ggml.token_type',
      array(
        'i32',
        pieces.map(([, type]) => type),
      ),
    ],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
    ['tokenizer.ggml.unknown_token_id', u32(0)],
  ];
}
