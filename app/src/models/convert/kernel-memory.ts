import type { WeightKernels } from './quantise/weight-kernels.ts';

/** Regions in a kernel's memory, one after the other; asking for regions anew reuses the same bytes. */
export class KernelMemory {
  readonly kernels: WeightKernels;
  #next: number;

  constructor(kernels: WeightKernels) {
    this.kernels = kernels;
    this.#next = kernels.heapBase;
  }

  reset(): void {
    this.#next = this.kernels.heapBase;
  }

  /** The address of `sizeBytes` free bytes. Views made before may be detached by this. */
  region(sizeBytes: number): number {
    const at = this.#next;
    // Kernels load whole vectors: a few bytes behind the last region must exist.
    this.#next = Math.ceil((at + sizeBytes + 64) / 64) * 64;
    this.kernels.reserve(this.#next);
    return at;
  }

  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.kernels.memory.buffer, at, length);
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.kernels.memory.buffer, at, count);
  }
}
