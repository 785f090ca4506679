import { readFile } from 'node:fs/promises';

interface KernelExports {
  heapBase(): number;
  selectTop(row: number, count: number, ids: number, values: number, wanted: number, above: number): number;
  sumOfExponentials(row: number, count: number, best: number): number;
}

/** Most candidates that are kept sorted while a row is looked through. */
export const maxSelected = 512;
const pageBytes = 65_536;
const modulePath = new URL('../../../../kernels/logits.wasm', import.meta.url);

export async function loadLogitKernels(): Promise<LogitKernels> {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const compiled = await WebAssembly.compile(await readFile(modulePath));
  const instance = await WebAssembly.instantiate(compiled, { env: { memory } });
  return new LogitKernels(memory, instance.exports as unknown as KernelExports);
}

/** A row of logits in memory that vector instructions reach: looking through it there costs a third. */
export class LogitKernels {
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: KernelExports;
  readonly #idsAt: number;
  readonly #valuesAt: number;
  readonly #rowAt: number;
  #row = new Float32Array(0);
  /** What `selectTop` found; valid until the next row of another length. */
  ids = new Int32Array(0);
  values = new Float32Array(0);

  constructor(memory: WebAssembly.Memory, kernels: KernelExports) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.#idsAt = this.#kernels.heapBase();
    this.#valuesAt = this.#idsAt + maxSelected * 4;
    this.#rowAt = this.#valuesAt + maxSelected * 4;
  }

  /** Takes a copy of the row; what follows is asked of it. */
  take(row: Float32Array): void {
    if (this.#row.length !== row.length) this.#resize(row.length);
    this.#row.set(row);
  }

  /** How many of the best were found above the floor; a negative number, less one, where one of them is NaN. */
  selectTop(wanted: number, above: number): number {
    return this.#kernels.selectTop(this.#rowAt, this.#row.length, this.#idsAt, this.#valuesAt, wanted, above);
  }

  sumOfExponentials(best: number): number {
    return this.#kernels.sumOfExponentials(this.#rowAt, this.#row.length, best);
  }

  #resize(length: number): void {
    const missing = this.#rowAt + length * 4 - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes));
    const { buffer } = this.#memory;
    this.ids = new Int32Array(buffer, this.#idsAt, maxSelected);
    this.values = new Float32Array(buffer, this.#valuesAt, maxSelected);
    this.#row = new Float32Array(buffer, this.#rowAt, length);
  }
}
