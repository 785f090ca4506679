import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { AppError } from '../../contracts/app-error.ts';
import { ggmlSizeBytes } from '../../formats/gguf/gguf-types.ts';
import { tensorDtypes } from '../../formats/tensor-file.ts';
import type { Addition } from './adapters/open-adapter.ts';
import { readNumbers } from './adapters/stored-numbers.ts';
import { KernelMemory } from './kernel-memory.ts';
import { packPanels, panelFloats, type WeightKernels } from './quantise/weight-kernels.ts';
import { wovenRow } from './row-units.ts';
import { gatherMatrix, readFully } from './strided-values.ts';
import type { UnitJob, WorkerSetup, WorkerTensor } from './unit-jobs.ts';

/** Above this, 16-bit floats (and the scales of quantised blocks) are infinite. */
const largestHalf = 65_504;
const loadedTensors = 4;

interface LoadedLora {
  kind: 'lora';
  rank: number;
  /** In panels, ready for the kernel. */
  a: Float32Array;
  /** rows × rank, scaled; of the whole tensor. */
  b: Float32Array;
}

type LoadedAddition = LoadedLora | { kind: 'vector'; values: Float32Array };

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      out[column * rows + row] = values[row * columns + column] ?? 0;
  return out;
}

/** Does units one after the other: reads, widens, merges, quantises, writes. Its memory does not depend on the model. */
export class UnitRunner {
  readonly #setup: WorkerSetup;
  readonly #memory: KernelMemory;
  readonly #output: number;
  readonly #inputs = new Map<string, number>();
  /** The last few tensors' additions: several streamed shards take turns. */
  readonly #loaded = new Map<number, LoadedAddition[]>();

  constructor(setup: WorkerSetup, kernels: WeightKernels) {
    this.#setup = setup;
    this.#memory = new KernelMemory(kernels);
    this.#output = openSync(setup.outputPath, 'r+');
  }

  close(): void {
    closeSync(this.#output);
    for (const descriptor of this.#inputs.values()) closeSync(descriptor);
    this.#inputs.clear();
  }

  #input(path: string): number {
    const open = this.#inputs.get(path) ?? openSync(path, 'r');
    this.#inputs.set(path, open);
    return open;
  }

  #readInto(target: Uint8Array, job: UnitJob, tensor: WorkerTensor): void {
    if (job.path === undefined)
      throw new AppError('internal', `${tensor.name} came without bytes and without a file.`);
    const descriptor = this.#input(job.path);
    const { strides, columns } = tensor;
    if (!strides) return readFully(descriptor, target, job.sourceOffset);
    const { rows, sourceOffset: offset } = job;
    const valueBytes = tensorDtypes[tensor.dtype];
    gatherMatrix(target, { descriptor, offset, rows, columns, strides, valueBytes });
  }

  #load(addition: Addition): LoadedAddition {
    if (addition.kind === 'vector') {
      const { scale } = addition;
      return {
        kind: 'vector',
        values: readNumbers(this.#memory, addition.values).map((value) => value * scale),
      };
    }
    const { rank, scale, isEmbedding } = addition;
    const first = readNumbers(this.#memory, addition.a);
    const second = readNumbers(this.#memory, addition.b);
    // An embedding's rows are looked up, not multiplied: its delta is the transpose.
    const a = isEmbedding ? transposed(second, second.length / rank, rank) : first;
    const b = (isEmbedding ? transposed(first, rank, first.length / rank) : second).map(
      (value) => value * scale,
    );
    const columns = a.length / rank;
    const panels = new Float32Array(panelFloats(rank, columns));
    packPanels(a, rank, columns, panels);
    return { kind: 'lora', rank, a: panels, b };
  }

  #additionsOf(tensor: number): LoadedAddition[] {
    const known = this.#loaded.get(tensor);
    if (known) return known;
    const [oldest] = this.#loaded.keys();
    if (oldest !== undefined && this.#loaded.size >= loadedTensors) this.#loaded.delete(oldest);
    const additions = (this.#setup.tensors[tensor]?.additions ?? []).map((addition) => this.#load(addition));
    this.#loaded.set(tensor, additions);
    return additions;
  }

  /** The unit's weights as floats, in source order, at the address that is returned. */
  #floats(job: UnitJob, tensor: WorkerTensor): number {
    const count = job.rows * tensor.columns;
    const source = this.#memory.region(job.sourceBytes);
    const target = tensor.dtype === 'f32' ? source : this.#memory.region(count * 4);
    const bytes = this.#memory.bytes(source, job.sourceBytes);
    if (job.bytes) bytes.set(new Uint8Array(job.bytes));
    else this.#readInto(bytes, job, tensor);
    if (tensor.dtype !== 'f32') this.#memory.kernels.toFloat(tensor.dtype, source, target, count);
    return target;
  }

  #merge(job: UnitJob, tensor: WorkerTensor, weights: number, additions: readonly LoadedAddition[]): void {
    const { rows, sourceRow } = job;
    const { columns } = tensor;
    for (const addition of additions) {
      if (addition.kind === 'vector') {
        const floats = this.#memory.floats(weights, rows);
        for (let row = 0; row < rows; row++)
          floats[row] = (floats[row] ?? 0) + (addition.values[sourceRow + row] ?? 0);
        continue;
      }
      const { rank } = addition;
      const b = this.#memory.region(rows * rank * 4);
      const a = this.#memory.region(addition.a.byteLength);
      this.#memory
        .floats(b, rows * rank)
        .set(addition.b.subarray(sourceRow * rank, (sourceRow + rows) * rank));
      this.#memory.floats(a, addition.a.length).set(addition.a);
      this.#memory.kernels.merge({ weights, b, a, rows, columns, rank });
    }
  }

  #check(tensor: WorkerTensor, weights: number, count: number): void {
    const largest = this.#memory.kernels.largest(weights, count);
    const isWide = tensor.type === 'f32' || tensor.type === 'bf16';
    if (largest <= largestHalf || (isWide && Number.isFinite(largest))) return;
    const what = Number.isFinite(largest)
      ? `a weight of ${largest}`
      : 'a weight that is infinite or not a number';
    throw new AppError('file-invalid', `${tensor.name} has ${what}.`, {
      hint: 'The repository, or what an adapter adds to it, is damaged; no model is made of it.',
    });
  }

  /** Encodes rows in target order; the result's address and size. */
  #encode(job: UnitJob, tensor: WorkerTensor, weights: number): { at: number; sizeBytes: number } {
    const { columns, type, wovenHeadWidth } = tensor;
    const sizeBytes = ggmlSizeBytes(type, job.rows * columns);
    if (type === 'f32' && wovenHeadWidth === 0) return { at: weights, sizeBytes };
    const at = this.#memory.region(sizeBytes);
    if (wovenHeadWidth === 0 && type !== 'f32') {
      this.#memory.kernels.fromFloat(type, weights, at, job.rows * columns);
      return { at, sizeBytes };
    }
    const rowBytes = sizeBytes / job.rows;
    for (let row = 0; row < job.rows; row++) {
      const from = weights + wovenRow(row, wovenHeadWidth) * columns * 4;
      const to = at + row * rowBytes;
      if (type === 'f32') this.#memory.bytes(to, rowBytes).set(this.#memory.bytes(from, rowBytes));
      else this.#memory.kernels.fromFloat(type, from, to, columns);
    }
    return { at, sizeBytes };
  }

  /** Does one unit; its bytes are in the file when this returns, though not yet on the disk. */
  run(job: UnitJob): { crc: number; sizeBytes: number } {
    const tensor = this.#setup.tensors[job.tensor];
    if (!tensor) throw new AppError('internal', `There is no tensor ${job.tensor} to work on.`);
    const additions = this.#additionsOf(job.tensor);
    this.#memory.reset();
    const weights = this.#floats(job, tensor);
    this.#merge(job, tensor, weights, additions);
    this.#check(tensor, weights, job.rows * tensor.columns);
    const { at, sizeBytes } = this.#encode(job, tensor, weights);
    const bytes = this.#memory.bytes(at, sizeBytes);
    for (let done = 0; done < sizeBytes;)
      done += writeSync(this.#output, bytes, done, sizeBytes - done, job.targetOffset + done);
    return { crc: crc32(bytes), sizeBytes };
  }
}
