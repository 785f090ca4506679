import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { AppError } from '../../../contracts/app-error.ts';
import { ggufNumber, ggufText, type GgufEntry, type GgufFile } from '../../../formats/gguf/gguf-types.ts';
import { ggufEntry, layOutGguf, type GgufTensorShape } from '../../../formats/gguf/gguf-writer.ts';
import { readGguf } from '../../../formats/gguf/gguf-reader.ts';
import { openFileSource } from '../../../net/file-source.ts';
import { hashFile, writeFully } from '../../registry/file-bytes.ts';
import type { ArchitectureTensor } from '../architectures/architecture.ts';
import { architectureNamed } from '../architectures/choose-architecture.ts';
import type { ModelConfig } from '../architectures/model-config.ts';
import type { RepositoryFiles } from '../convert-types.ts';
import { fileError } from '../file-errors.ts';
import { KernelMemory } from '../kernel-memory.ts';
import { loadWeightKernels } from '../quantise/weight-kernels.ts';
import { rowUnits, wovenRow } from '../row-units.ts';
import { openAdapter, type Addition, type OpenAdapter } from './open-adapter.ts';
import { readNumbers } from './stored-numbers.ts';

export interface AdapterGgufOptions {
  /** A PEFT repository whose weights are on this machine. */
  adapter: RepositoryFiles;
  /** The GGUF file that it will be switched on over. */
  basePath: string;
  /** Where the GGUF LoRA appears, complete or not at all. */
  output: string;
  signal?: AbortSignal;
}

export interface AdapterGgufResult {
  sha256: string;
  sizeBytes: number;
  rank: number;
  tensors: number;
}

type Lora = Extract<Addition, { kind: 'lora' }>;

function cannot(adapter: string, why: string): AppError {
  return new AppError('adapter-mismatch', `The adapter ${adapter} cannot be switched on and off: ${why}.`, {
    hint: 'Merge it into its base instead: pull BASE+ADAPTER.',
  });
}

/** What the names and shapes of a family need, read back from a file of it. */
function configOf(base: GgufFile, architecture: string): ModelConfig {
  const number = (key: string): number => ggufNumber(base.metadata, `${architecture}.${key}`) ?? 0;
  const width = number('embedding_length');
  const heads = number('attention.head_count');
  const headWidth = ggufNumber(base.metadata, `${architecture}.attention.key_length`) ?? width / heads;
  return {
    raw: {},
    className: '',
    layers: number('block_count'),
    width,
    heads,
    keyValueHeads: number('attention.head_count_kv') || heads,
    headWidth,
    statesHeadWidth: true,
    feedForward: number('feed_forward_length'),
    contextTokens: number('context_length'),
    normEpsilon: 0,
    ropeTheta: 0,
    ropeScaling: { kind: 'none' },
    vocabularySize: base.tensors.find(({ name }) => name === 'token_embd.weight')?.dimensions[1] ?? 0,
  };
}

interface Part {
  target: ArchitectureTensor;
  lora: Lora;
}

/** Pairs every addition with a tensor of the base; one that has no place there refuses the whole. */
function pairParts(adapter: OpenAdapter, base: GgufFile, targets: readonly ArchitectureTensor[]): Part[] {
  if (adapter.replacements.size > 0) throw cannot(adapter.name, 'it replaces whole tensors');
  const isTied = !base.tensors.some(({ name }) => name === 'output.weight');
  const bySource = new Map(targets.map((target) => [target.source, target]));
  return [...adapter.additions].map(([source, lora]) => {
    if (lora.kind !== 'lora') throw cannot(adapter.name, 'it changes biases');
    // llama.cpp finds it by the tensor's name for the output's product too, and ends the process over its shape.
    if (lora.isEmbedding && isTied)
      throw cannot(adapter.name, 'its base uses the embedding as the output as well');
    const target = bySource.get(source);
    const inBase = target && base.tensors.find(({ name }) => name === target.name);
    if (!inBase) throw cannot(adapter.name, `the base has no ${source}`);
    const [columns, rows] = inBase.dimensions;
    const [inner, outer] = lora.isEmbedding ? [rows, columns] : [columns, rows];
    if (lora.a.shape[1] !== inner || lora.b.shape[0] !== outer)
      throw cannot(adapter.name, `${source} of the base has another shape (${rows} × ${columns})`);
    return { target, lora };
  });
}

function shapesOf({ target, lora }: Part): GgufTensorShape[] {
  const a = lora.isEmbedding ? lora.a.shape : lora.a.shape.toReversed();
  return [
    { name: `${target.name}.lora_a`, dimensions: a, type: 'f32' },
    { name: `${target.name}.lora_b`, dimensions: lora.b.shape.toReversed(), type: 'f32' },
  ];
}

/** B's rows in the order in which the base's rows are, scaled so that one alpha serves all tensors. */
function orderedB({ target, lora }: Part, values: Float32Array, alpha: number): Float32Array {
  const factor = (lora.scale * lora.rank) / alpha;
  const scaled = factor === 1 ? values : values.map((value) => value * factor);
  const { rows: order } = target;
  if (order.kind === 'same' || lora.isEmbedding) return scaled;
  const rows = values.length / lora.rank;
  const out = new Float32Array(values.length);
  for (const range of rowUnits(rows, 1, order))
    for (let row = 0; row < range.rows; row++) {
      const from = range.sourceRow + (order.kind === 'woven' ? wovenRow(row, order.headWidth) : row);
      out.set(scaled.subarray(from * lora.rank, (from + 1) * lora.rank), (range.targetRow + row) * lora.rank);
    }
  return out;
}

/** llama.cpp looks an embedding's A up by token, so its rows are the tokens. */
function orderedA({ lora }: Part, values: Float32Array): Float32Array {
  if (!lora.isEmbedding) return values;
  const tokens = values.length / lora.rank;
  return Float32Array.from(
    values,
    (_, at) => values[(at % lora.rank) * tokens + Math.floor(at / lora.rank)] ?? 0,
  );
}

function entriesOf(adapter: OpenAdapter, architecture: string): [string, GgufEntry][] {
  const { string, f32 } = ggufEntry;
  return [
    ['general.architecture', string(architecture)],
    ['general.type', string('adapter')],
    ['adapter.type', string('lora')],
    ['adapter.lora.alpha', f32(adapter.config.alpha)],
    ['general.name', string(adapter.name)],
  ];
}

interface Writing {
  adapter: OpenAdapter;
  architecture: string;
  parts: readonly Part[];
  signal?: AbortSignal | undefined;
}

function checkFinite(values: Float32Array, adapter: string, source: string): void {
  if (!values.every(Number.isFinite)) throw cannot(adapter, `${source} holds no sound numbers`);
}

async function writeParts(
  file: FileHandle,
  { adapter, architecture, parts, signal }: Writing,
): Promise<number> {
  if (parts.length === 0) throw cannot(adapter.name, 'it changes nothing');
  const layout = layOutGguf(entriesOf(adapter, architecture), parts.flatMap(shapesOf));
  await file.truncate(layout.sizeBytes);
  await writeFully(file, layout.header, 0);
  const memory = new KernelMemory(await loadWeightKernels());
  for (const [index, part] of parts.entries()) {
    signal?.throwIfAborted();
    const a = orderedA(part, readNumbers(memory, part.lora.a));
    const b = orderedB(part, readNumbers(memory, part.lora.b), adapter.config.alpha);
    for (const [half, values] of [a, b].entries()) {
      const offset = layout.tensors[index * 2 + half]?.offset ?? 0;
      checkFinite(values, adapter.name, part.target.source);
      await writeFully(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    }
  }
  await file.sync();
  return layout.sizeBytes;
}

async function readBase(path: string, signal?: AbortSignal): Promise<GgufFile> {
  const source = await openFileSource(path);
  try {
    return await readGguf(source, signal ? { signal } : {});
  } finally {
    await source.close();
  }
}

/** Writes a PEFT adapter as a GGUF LoRA for switching while the model runs. Nothing is left behind when it fails. */
export async function writeAdapterGguf(options: AdapterGgufOptions): Promise<AdapterGgufResult> {
  const { basePath, output, signal } = options;
  const base = await readBase(basePath, signal);
  const architecture = architectureNamed(ggufText(base.metadata, 'general.architecture') ?? '');
  const adapter = await openAdapter(options.adapter, 1, signal);
  const parts = pairParts(adapter, base, architecture.tensors(configOf(base, architecture.name)));
  const unfinished = `${output}.part`;
  try {
    const sizeBytes = await writeFileOf(unfinished, {
      adapter,
      architecture: architecture.name,
      parts,
      signal,
    });
    const sha256 = await hashFile(unfinished, signal ? { signal } : {});
    await rename(unfinished, output);
    return { sha256, sizeBytes, rank: adapter.config.rank, tensors: parts.length * 2 };
  } catch (error) {
    await rm(unfinished, { force: true });
    throw fileError(error);
  }
}

async function writeFileOf(path: string, writing: Writing): Promise<number> {
  const file = await open(path, 'w', 0o600);
  try {
    return await writeParts(file, writing);
  } finally {
    await file.close();
  }
}
