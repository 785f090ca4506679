import { AdapterTurns } from './adapter-turns.ts';
import { planBatch, type Part } from './batch-plan.ts';
import type { NativeContext } from './context.ts';
import type { Counters } from './counters.ts';
import type { IdleCells } from './idle-cells.ts';
import type { PrefixReuse } from './prefix-reuse.ts';
import type { Task } from './task.ts';

export interface StepPlanOptions {
  context: NativeContext;
  counters: Counters;
  /** Rows of logits that one batch may ask for. */
  outputCapacity: number;
  prefixes: PrefixReuse;
  idleCells: IdleCells;
  msPerPromptToken: () => number;
}

/** What the next step computes: while everybody is writing, what the last one did, a token further. */
export class StepPlan {
  readonly #options: StepPlanOptions;
  readonly #turns: AdapterTurns;
  /** The last batch, where all it did was a token for everybody. */
  #steady: Part[] | null = null;

  constructor(options: StepPlanOptions) {
    this.#options = options;
    this.#turns = new AdapterTurns(options.context, options.counters);
  }

  /** Somebody has come or gone. */
  changed(): void {
    this.#steady = null;
  }

  next(active: readonly Task[], now: number): Part[] {
    return this.#steady === null ? this.#plan(active, now) : again(this.#steady);
  }

  #plan(active: readonly Task[], now: number): Part[] {
    const { context, outputCapacity, prefixes, idleCells } = this.#options;
    for (const task of active) {
      if (task.phase === 'waiting' && prefixes.start(task, active)) task.phase = 'reading';
    }
    const mayTrimMore = idleCells.trim(active);
    const tasks = this.#turns.next(active, now);
    const msPerPromptToken = this.#options.msPerPromptToken();
    const parts = planBatch({
      tasks,
      capacity: context.batchCapacity,
      outputCapacity,
      msPerPromptToken,
      now,
    });
    const isSteady =
      !mayTrimMore && parts.length === active.length && parts.every((part) => part.kind === 'token');
    this.#steady = isSteady ? parts : null;
    return parts;
  }
}

/** A batch of one token each, a token further. */
function again(parts: Part[]): Part[] {
  for (const part of parts) part.from = part.task.sequence!.tokens.length;
  return parts;
}
