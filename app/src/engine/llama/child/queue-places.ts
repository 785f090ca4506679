import { performance } from 'node:perf_hooks';
import type { RunPart } from '../../../contracts/run-parts.ts';
import type { FairQueue } from './fair-queue.ts';
import type { Task } from './task.ts';

/** Up to here everybody is told at once; a long queue is gone through a few times a second. */
const shortQueue = 16;
const longQueueIntervalMs = 250;

/** Tells those who wait where they stand and how long it will take. */
export class QueuePlaces {
  readonly #queue: FairQueue<Task>;
  readonly #slots: number;
  readonly #emit: (task: Task, part: RunPart) => void;
  /** How long requests took lately, from start to end; 0 where none has ended. */
  #serviceMs = 0;
  #toldAt = 0;
  #isStale = false;

  constructor(queue: FairQueue<Task>, slots: number, emit: (task: Task, part: RunPart) => void) {
    this.#queue = queue;
    this.#slots = slots;
    this.#emit = emit;
  }

  get serviceMs(): number {
    return this.#serviceMs;
  }

  learn(serviceMs: number): void {
    this.#serviceMs = this.#serviceMs === 0 ? serviceMs : this.#serviceMs * 0.8 + serviceMs * 0.2;
  }

  /** The queue has changed. */
  changed(): void {
    this.#isStale = true;
    if (this.#queue.length <= shortQueue) this.#tell();
  }

  /** Between steps. */
  tellIfDue(now: number): void {
    if (this.#isStale && now - this.#toldAt >= longQueueIntervalMs) this.#tell();
  }

  #tell(): void {
    this.#isStale = false;
    this.#toldAt = performance.now();
    for (const [index, task] of this.#queue.inOrder().entries()) {
      const position = index + 1;
      if (task.lastPosition === position) continue;
      task.lastPosition = position;
      const rounds = Math.ceil(position / this.#slots);
      const etaMs = this.#serviceMs === 0 ? null : Math.round(rounds * this.#serviceMs);
      this.#emit(task, { type: 'queue-position', position, etaMs });
    }
  }
}
