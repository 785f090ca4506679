import type { NativeContext } from './context.ts';
import type { Counters } from './counters.ts';
import type { Task } from './task.ts';

/** Sets of adapters take turns of this length. */
const turnMs = 100;

/** Adapters apply to a whole batch: tasks of different sets are computed in turns. */
export class AdapterTurns {
  readonly #context: NativeContext;
  readonly #counters: Counters;
  #key = '';
  #endsAt = 0;

  constructor(context: NativeContext, counters: Counters) {
    this.#context = context;
    this.#counters = counters;
  }

  /** The tasks whose turn it is; their adapters are set. */
  next(active: readonly Task[], now: number): Task[] {
    const able = active.filter((task) => task.phase !== 'waiting');
    const first = able[0];
    if (first === undefined) return [];
    if (able.every((task) => task.adapters.key === this.#key)) return able;
    const keys = [...new Set(able.map((task) => task.adapters.key))];
    if (!keys.includes(this.#key) || now >= this.#endsAt) {
      const key = keys[(keys.indexOf(this.#key) + 1) % keys.length]!;
      this.#endsAt = now + turnMs;
      this.#switch(able.find((task) => task.adapters.key === key)!);
    }
    return able.filter((task) => task.adapters.key === this.#key);
  }

  #switch(task: Task): void {
    if (task.adapters.key === this.#key) return;
    this.#context.setAdapters(task.adapters.items);
    this.#counters.adapterSwitches++;
    this.#key = task.adapters.key;
  }
}
