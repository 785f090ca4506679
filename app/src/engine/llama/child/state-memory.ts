import { onLargePages } from './libc.ts';

/** Freed memory is kept for the next state, up to this many bytes and this long. */
const maxFreeBytes = 64 * 1024 * 1024;
const keptMs = 30_000;
/** A larger one is left for a larger state. */
const mostTimesTooLarge = 2;
/** Sizes go by such steps, so that a chat which has grown by a turn still fits where another was. */
const stepsPerDoubling = 4;

/**
 * Memory for copies of KV states, used again and again. Such a copy has several megabytes, and the system hands out
 * new memory page by page at its first touch, which takes many times longer than the copying itself.
 */
export class StateMemory {
  #free: Buffer[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** At least so many bytes, with anything in them. */
  take(size: number): Buffer {
    const fitting = this.#free.filter(({ length }) => length >= size && length <= size * mostTimesTooLarge);
    const best = fitting.reduce<Buffer | null>(
      (least, next) => (least === null || next.length < least.length ? next : least),
      null,
    );
    if (best === null) return onLargePages(Buffer.allocUnsafeSlow(roundedUp(size)));
    this.#free = this.#free.filter((buffer) => buffer !== best);
    return best;
  }

  /** Whoever gives memory back, or a part of it, holds nothing of it any more. */
  give(state: Uint8Array): void {
    this.#free.push(Buffer.from(state.buffer));
    while (this.freeBytes > maxFreeBytes) this.#free.shift();
    this.#timer ??= setTimeout(() => this.#forget(), keptMs).unref();
    this.#timer.refresh();
  }

  get freeBytes(): number {
    return this.#free.reduce((sum, { length }) => sum + length, 0);
  }

  #forget(): void {
    this.#free = [];
    this.#timer = null;
  }
}

function roundedUp(size: number): number {
  const step = Math.max(4096, 2 ** Math.floor(Math.log2(Math.max(1, size))) / stepsPerDoubling);
  return Math.ceil(size / step) * step;
}
