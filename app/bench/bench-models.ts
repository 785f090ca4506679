import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ggmlTypes, type GgmlType } from '../src/formats/gguf/gguf-types.ts';
import { ggufEntry, layOutGguf, type GgufTensorShape } from '../src/formats/gguf/gguf-writer.ts';
import { halfFromFloat } from '../src/models/convert/quantise/half.ts';
import { tinyVocabulary, vocabularyEntries } from '../test/fixtures/tiny-vocabulary.ts';

/** Random weights in real shapes: what they say means nothing, how fast they say it does. */
export interface BenchModel {
  name: string;
  path: string;
  sha256: string;
}

interface Shape {
  width: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  feedForward: number;
  vocabulary: number;
  contextTokens: number;
  typeOf: (tensor: string, layer: number) => GgmlType;
}

const shapes: Readonly<Record<string, Shape>> = {
  '134m-q8_0': {
    width: 768,
    layers: 12,
    heads: 12,
    keyValueHeads: 12,
    feedForward: 2048,
    vocabulary: 32_000,
    contextTokens: 4096,
    typeOf: () => 'q8_0',
  },
  '1.1b-q4_k_m': {
    width: 2048,
    layers: 22,
    heads: 32,
    keyValueHeads: 4,
    feedForward: 5632,
    vocabulary: 32_000,
    contextTokens: 4096,
    // The mixture that llama-quantize calls Q4_K_M: six bits for the head and, in half of the layers, values and down.
    typeOf: (tensor, layer) => {
      const hasMoreBits = layer < 22 / 8 || layer >= (7 * 22) / 8 || (layer - Math.floor(22 / 8)) % 3 === 2;
      if (tensor === 'output') return 'q6_k';
      return hasMoreBits && (tensor === 'attn_v' || tensor === 'ffn_down') ? 'q6_k' : 'q4_k';
    },
  },
};

const template =
  "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}" +
  '{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}' +
  '{% for message in loop_messages %}{% if loop.index0 == 0 and system_message != false %}' +
  "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}" +
  "{% else %}{% set content = message['content'] %}{% endif %}" +
  "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}" +
  "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}";

/** Kept between runs and shared by all clones; the number goes up when what is written below changes. */
const folder = process.env['BENCH_MODELS'] ?? join(homedir(), '.cache', 'corral-bench', 'models-2');

/** Makes the model once; later runs find it. */
export async function benchModel(name: keyof typeof shapes): Promise<BenchModel> {
  const shape = shapes[name];
  if (!shape) throw new Error(`no bench model is named ${name}`);
  const path = join(folder, `${name}.gguf`);
  const hashPath = `${path}.sha256`;
  if (!existsSync(hashPath)) {
    await mkdir(folder, { recursive: true });
    await write(path, shape, name);
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    await writeFile(hashPath, hash.digest('hex'));
  }
  return { name, path, sha256: await readFile(hashPath, 'utf8') };
}

function tensorsOf(shape: Shape): GgufTensorShape[] {
  const { width, feedForward, typeOf } = shape;
  const keyValue = (width / shape.heads) * shape.keyValueHeads;
  const matrix = (name: string, layer: number, columns: number, rows: number): GgufTensorShape => ({
    name: layer < 0 ? `${name}.weight` : `blk.${layer}.${name}.weight`,
    dimensions: [columns, rows],
    type: typeOf(name, layer),
  });
  const norm = (name: string): GgufTensorShape => ({
    name: `${name}.weight`,
    dimensions: [width],
    type: 'f32',
  });
  const layers = Array.from({ length: shape.layers }, (_, layer) => [
    norm(`blk.${layer}.attn_norm`),
    matrix('attn_q', layer, width, width),
    matrix('attn_k', layer, width, keyValue),
    matrix('attn_v', layer, width, keyValue),
    matrix('attn_output', layer, width, width),
    norm(`blk.${layer}.ffn_norm`),
    matrix('ffn_gate', layer, width, feedForward),
    matrix('ffn_up', layer, width, feedForward),
    matrix('ffn_down', layer, feedForward, width),
  ]);
  return [
    matrix('token_embd', -1, width, shape.vocabulary),
    norm('output_norm'),
    matrix('output', -1, width, shape.vocabulary),
    ...layers.flat(),
  ];
}

function entriesOf(shape: Shape, name: string): Parameters<typeof layOutGguf>[0] {
  const { u32, f32, string } = ggufEntry;
  const learnt = tinyVocabulary(600);
  const pieces = [
    ...learnt,
    // One character each: what was generated becomes the same tokens again when it comes back as text.
    ...Array.from({ length: shape.vocabulary - learnt.length }, (_, index) => ({
      piece: String.fromCodePoint(index < 20_992 ? 0x4e00 + index : 0xac00 + index - 20_992),
      score: -learnt.length - index,
      type: 1 as const,
    })),
  ];
  return [
    ['general.architecture', string('llama')],
    ['general.name', string(name)],
    ['llama.context_length', u32(shape.contextTokens)],
    ['llama.embedding_length', u32(shape.width)],
    ['llama.block_count', u32(shape.layers)],
    ['llama.feed_forward_length', u32(shape.feedForward)],
    ['llama.attention.head_count', u32(shape.heads)],
    ['llama.attention.head_count_kv', u32(shape.keyValueHeads)],
    ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ['llama.rope.dimension_count', u32(shape.width / shape.heads)],
    ['llama.rope.freq_base', f32(10_000)],
    ['llama.vocab_size', u32(shape.vocabulary)],
    ...vocabularyEntries(pieces),
    ['tokenizer.chat_template', string(template)],
  ];
}

/** Random blocks whose scales keep the weights' mean at 0 and their deviation near that of a trained layer. */
function fillBlocks(type: GgmlType, bytes: Buffer, columns: number): void {
  const { blockBytes } = ggmlTypes[type];
  const deviation = 1 / Math.sqrt(columns);
  for (let at = 0; at + blockBytes <= bytes.length; at += blockBytes) {
    if (type === 'q8_0') bytes.writeUInt16LE(halfFromFloat(deviation / 74), at);
    if (type === 'q6_k') bytes.writeUInt16LE(halfFromFloat(deviation / (18.5 * 74)), at + 208);
    if (type === 'q4_k') {
      const scale = deviation / (36 * 4.6);
      bytes.writeUInt16LE(halfFromFloat(scale), at);
      bytes.writeUInt16LE(halfFromFloat(scale * 7.5), at + 2);
    }
  }
}

function pieceOf(tensor: GgufTensorShape, sizeBytes: number): Buffer {
  if (tensor.type !== 'f32') {
    const bytes = randomBytes(sizeBytes);
    fillBlocks(tensor.type, bytes, tensor.dimensions[0] ?? 1);
    return bytes;
  }
  const ones = new Float32Array(sizeBytes / 4).fill(1);
  return Buffer.from(ones.buffer);
}

async function write(path: string, shape: Shape, name: string): Promise<void> {
  const tensors = tensorsOf(shape);
  const layout = layOutGguf(entriesOf(shape, name), tensors);
  const file = await open(`${path}.part`, 'w');
  try {
    await file.truncate(layout.sizeBytes);
    await file.write(layout.header, 0, layout.header.length, 0);
    for (const [index, tensor] of tensors.entries()) {
      const values = tensor.dimensions.reduce((product, size) => product * size, 1);
      const { blockValues, blockBytes } = ggmlTypes[tensor.type];
      const sizeBytes = (values / blockValues) * blockBytes;
      const offset = layout.tensors[index]?.offset ?? 0;
      const step = blockBytes * Math.max(1, Math.floor(2 ** 22 / blockBytes));
      for (let at = 0; at < sizeBytes; at += step) {
        const piece = pieceOf(tensor, Math.min(step, sizeBytes - at));
        await file.write(piece, 0, piece.length, offset + at);
      }
    }
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}
