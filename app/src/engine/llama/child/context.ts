import { address, view } from 'koffi';
import type { Bindings } from './bindings.ts';
import { StateMemory } from './state-memory.ts';
import type { Batch, Pointer } from './structs.ts';

export interface DecodeResult {
  /** `full`: no room in the KV cache, nothing changed. `aborted`: see `lengthOf`. `failed`: see `lengthOf`. */
  status: 'done' | 'full' | 'aborted' | 'failed';
  code: number;
}

const doneCode = 0;
const done: DecodeResult = { status: 'done', code: doneCode };
const fullCode = 1;
const abortedCode = 2;
/** Nobody's own number. */
export const lentSequence = 0;
/** Row views are kept by address; the library moves its buffer only when it grows. */
const keptViews = 256;

/**
 * A native context: the KV cache of all sequences and one batch, filled through typed arrays over memory that
 * does not move. Nothing here checks ids: the scheduler does, because a wrong one ends the process.
 */
export class NativeContext {
  readonly pointer: Pointer;
  readonly batchCapacity: number;
  readonly #library: Bindings;
  readonly #memory: Pointer;
  readonly #vocabularySize: number;
  readonly #batch: Batch;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #sequences: Int32Array;
  readonly #outputs: Int8Array;
  readonly #stateMemory = new StateMemory();
  readonly #rows = new Map<bigint, Float32Array>();
  readonly #embeddingLength: number;
  #hasEmbeddings = false;
  #count = 0;

  constructor(
    library: Bindings,
    pointer: Pointer,
    sizes: { batch: number; vocabulary: number; embedding: number },
  ) {
    this.#library = library;
    this.pointer = pointer;
    this.batchCapacity = sizes.batch;
    this.#vocabularySize = sizes.vocabulary;
    this.#embeddingLength = sizes.embedding;
    this.#memory = library.memory(pointer);
    const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(sizes.batch * 4));
    this.#tokens = words();
    this.#positions = words();
    this.#sequences = words();
    const ones = words().fill(1);
    this.#outputs = new Int8Array(new SharedArrayBuffer(sizes.batch));
    const pointers = new BigUint64Array(new SharedArrayBuffer(sizes.batch * 8));
    const first = address(this.#sequences);
    for (let index = 0; index < sizes.batch; index++) pointers[index] = first + BigInt(index * 4);
    this.#batch = {
      n_tokens: 0,
      token: address(this.#tokens),
      embd: null,
      pos: address(this.#positions),
      n_seq_id: address(ones),
      seq_id: address(pointers),
      logits: address(this.#outputs),
    };
    this.held = [ones, pointers];
  }

  /** Native code has the addresses of these; they live as long as this object. */
  readonly held: readonly ArrayBufferView[];

  startBatch(): void {
    this.#count = 0;
  }

  /** Puts a token into the batch; returns its index, which `logits` takes when `output` is true. */
  add(token: number, position: number, sequence: number, output: boolean): number {
    const index = this.#count++;
    this.#tokens[index] = token;
    this.#positions[index] = position;
    this.#sequences[index] = sequence;
    this.#outputs[index] = output ? 1 : 0;
    return index;
  }

  decode(): DecodeResult {
    this.#batch.n_tokens = this.#count;
    const code = this.#library.decode(this.pointer, this.#batch);
    if (code === doneCode) return done;
    if (code === fullCode) return { status: 'full', code };
    return { status: code === abortedCode ? 'aborted' : 'failed', code };
  }

  /** Logits after the token at this index of the last batch, in place: valid until the next decode. */
  logits(index: number): Float32Array | null {
    return this.#row(this.#library.logits(this.pointer, index), this.#vocabularySize);
  }

  /** Whether the next decodes leave the last layer's numbers beside the logits. */
  wantEmbeddings(wanted: boolean): void {
    if (wanted === this.#hasEmbeddings) return;
    this.#library.setEmbeddings(this.pointer, wanted);
    this.#hasEmbeddings = wanted;
  }

  /** Numbers of the last layer after the token at this index of the last batch, in place: valid until the next decode. */
  embedding(index: number): Float32Array | null {
    return this.#row(this.#library.embedding(this.pointer, index), this.#embeddingLength);
  }

  #row(row: Pointer, length: number): Float32Array | null {
    if (row === null) return null;
    const known = this.#rows.get(row);
    if (known?.length === length) return known;
    if (this.#rows.size >= keptViews) this.#rows.clear();
    const values = new Float32Array(view(row, length * 4));
    this.#rows.set(row, values);
    return values;
  }

  /** How many tokens of a sequence the cache holds. */
  lengthOf(sequence: number): number {
    return this.#library.sequenceLast(this.#memory, sequence) + 1;
  }

  /** Cuts a sequence back; false where the model's memory cannot be cut there. */
  truncate(sequence: number, length: number): boolean {
    return this.#library.sequenceRemove(this.#memory, sequence, length, -1);
  }

  /** Lets `target` hold the first `length` tokens of `source` too, without reading them again. */
  copy(source: number, target: number, length: number): void {
    this.#library.sequenceCopy(this.#memory, source, target, 0, length);
  }

  stateBytes(sequence: number): number {
    return this.#withLentNumber(sequence, (id) => this.#library.stateSize(this.pointer, id));
  }

  /** A copy; whoever is done with it gives it back by `forgetState`. */
  saveState(sequence: number): Buffer {
    return this.#withLentNumber(sequence, (id) => {
      const size = this.#library.stateSize(this.pointer, id);
      const state = this.#stateMemory.take(size);
      const written = this.#library.stateGet(this.pointer, state, size, id);
      return state.subarray(0, written);
    });
  }

  /** What is written out under a number at or above the context's `n_seq_max` cannot be read back, so a low one is lent. */
  #withLentNumber<T>(sequence: number, write: (id: number) => T): T {
    this.#library.sequenceCopy(this.#memory, sequence, lentSequence, -1, -1);
    try {
      return write(lentSequence);
    } finally {
      this.#library.sequenceRemove(this.#memory, lentSequence, -1, -1);
    }
  }

  /** The memory of a copy is used for other copies from now on. */
  forgetState(state: Uint8Array): void {
    this.#stateMemory.give(state);
  }

  /** The bytes must be whole and of this model and settings: the library ends the process over others. */
  restoreState(sequence: number, state: Uint8Array): boolean {
    return this.#library.stateSet(this.pointer, state, state.length, sequence) > 0;
  }

  setAdapters(adapters: readonly { pointer: Pointer; scale: number }[]): boolean {
    if (adapters.length === 0) return this.#library.setAdapters(this.pointer, null, 0, null) === 0;
    const pointers = new BigUint64Array(adapters.map((adapter) => adapter.pointer ?? 0n));
    const scales = new Float32Array(adapters.map((adapter) => adapter.scale));
    return this.#library.setAdapters(this.pointer, pointers, adapters.length, scales) === 0;
  }

  free(): void {
    this.#rows.clear();
    this.#library.contextFree(this.pointer);
  }
}
