import { existsSync } from 'node:fs';
import { mkdir, open, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { halfFromFloat } from '../src/models/convert/quantise/half.ts';
import { SeededRandom } from '../test/fixtures/random.ts';
import { complete, tokenizerFiles } from '../test/fixtures/models/tiny-repository.ts';

/** Repositories in real shapes with random or no weights, kept between runs: what a conversion reads. */
interface Shape {
  width: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  feedForward: number;
}

const shapes = {
  '1.1b': { width: 2048, layers: 22, heads: 32, keyValueHeads: 4, feedForward: 5632 },
  '7b': { width: 4096, layers: 32, heads: 32, keyValueHeads: 32, feedForward: 11_008 },
} as const satisfies Record<string, Shape>;

export type BenchShape = keyof typeof shapes;

const vocabularySize = 32_000;
const folder = join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'corral-bench-convert');

interface Matrix {
  name: string;
  shape: number[];
}

function linears(shape: Shape, layer: number): Matrix[] {
  const { width, feedForward, heads, keyValueHeads } = shape;
  const keyWidth = (width / heads) * keyValueHeads;
  const at = `model.layers.${layer}`;
  const sizes: [string, number, number][] = [
    ['self_attn.q_proj', width, width],
    ['self_attn.k_proj', keyWidth, width],
    ['self_attn.v_proj', keyWidth, width],
    ['self_attn.o_proj', width, width],
    ['mlp.gate_proj', feedForward, width],
    ['mlp.up_proj', feedForward, width],
    ['mlp.down_proj', width, feedForward],
  ];
  return sizes.map(([name, rows, columns]) => ({ name: `${at}.${name}`, shape: [rows, columns] }));
}

function weights(shape: Shape): Matrix[] {
  const norm = (name: string): Matrix => ({ name, shape: [shape.width] });
  return [
    { name: 'model.embed_tokens.weight', shape: [vocabularySize, shape.width] },
    ...Array.from({ length: shape.layers }, (_, layer) => [
      norm(`model.layers.${layer}.input_layernorm.weight`),
      ...linears(shape, layer).map(({ name, shape: size }) => ({ name: `${name}.weight`, shape: size })),
      norm(`model.layers.${layer}.post_attention_layernorm.weight`),
    ]).flat(),
    norm('model.norm.weight'),
    { name: 'lm_head.weight', shape: [vocabularySize, shape.width] },
  ];
}

/** Half floats that repeat after four million: enough for a quantiser, which looks at 256 at a time. */
function randomHalves(): Uint16Array {
  return Uint16Array.from(new SeededRandom(1).normals(1 << 22, 0.02), halfFromFloat);
}

async function writeBody(file: FileHandle, start: number, sizeBytes: number): Promise<void> {
  const halves = randomHalves();
  const bytes = new Uint8Array(halves.buffer);
  for (let at = 0; at < sizeBytes; at += bytes.length)
    await file.write(bytes, 0, Math.min(bytes.length, sizeBytes - at), start + at);
}

/** A safetensors file of f16; `isEmpty` leaves a hole where the weights would be. */
async function writeWeights(path: string, matrices: readonly Matrix[], isEmpty: boolean): Promise<void> {
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const { name, shape } of matrices) {
    const end = at + shape.reduce((product, size) => product * size, 2);
    header[name] = { dtype: 'F16', shape, data_offsets: [at, end] };
    at = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = await open(`${path}.part`, 'w');
  try {
    await file.write(Buffer.concat([length, text]), 0, 8 + text.length, 0);
    await file.truncate(8 + text.length + at);
    if (!isEmpty) await writeBody(file, 8 + text.length, at);
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}

/** The folder of a repository of this shape; made on first use. */
export async function benchRepository(name: BenchShape): Promise<string> {
  const shape = shapes[name];
  const target = join(folder, name);
  const path = join(target, 'model.safetensors');
  if (existsSync(path)) return target;
  await mkdir(target, { recursive: true });
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: shape.width,
    intermediate_size: shape.feedForward,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyValueHeads,
    vocab_size: vocabularySize,
    rms_norm_eps: 1e-5,
  };
  await writeFile(join(target, 'config.json'), JSON.stringify(config));
  for (const [file, bytes] of tokenizerFiles(complete({ vocabularySize: 384 })))
    await writeFile(join(target, file), bytes);
  await writeWeights(path, weights(shape), name === '7b');
  return target;
}

/** The folder of an adapter of rank 64 on all seven projections. */
export async function benchAdapter(name: BenchShape): Promise<string> {
  const shape = shapes[name];
  const target = join(folder, `${name}-adapter`);
  const path = join(target, 'adapter_model.safetensors');
  if (existsSync(path)) return target;
  await mkdir(target, { recursive: true });
  const config = { peft_type: 'LORA', r: 64, lora_alpha: 16, base_model_name_or_path: name };
  await writeFile(join(target, 'adapter_config.json'), JSON.stringify(config));
  const halves = Array.from({ length: shape.layers }, (_, layer) => linears(shape, layer)).flat();
  const matrices = halves.flatMap(({ name: module, shape: [rows = 0, columns = 0] }) => [
    { name: `base_model.model.${module}.lora_A.weight`, shape: [64, columns] },
    { name: `base_model.model.${module}.lora_B.weight`, shape: [rows, 64] },
  ]);
  await writeWeights(path, matrices, name === '7b');
  return target;
}

/** Where results go. */
export function benchOutput(name: string): string {
  return join(folder, 'results', name);
}
