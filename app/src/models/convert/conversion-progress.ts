import type { ConversionPlan } from './conversion-plan.ts';
import type { PlannedUnit } from './planned-tensors.ts';
import type { ConvertProgress } from './convert-types.ts';

/** Counts what is done, in bytes of the sources, and says so at most a few times a second. */
export class ConversionProgress {
  readonly #plan: ConversionPlan;
  readonly #byShard: number[];
  readonly #totalByShard: number[];
  #doneBytes = 0;
  #last: PlannedUnit | undefined;

  constructor(plan: ConversionPlan) {
    this.#plan = plan;
    this.#byShard = plan.shards.map(() => 0);
    this.#totalByShard = plan.shards.map(() => 0);
    for (const { shard, sourceBytes } of plan.units)
      this.#totalByShard[shard] = (this.#totalByShard[shard] ?? 0) + sourceBytes;
  }

  get doneBytes(): number {
    return this.#doneBytes;
  }

  add(unit: PlannedUnit): void {
    this.#doneBytes += unit.sourceBytes;
    this.#byShard[unit.shard] = (this.#byShard[unit.shard] ?? 0) + unit.sourceBytes;
    this.#last = unit;
  }

  now(): ConvertProgress {
    const unit = this.#last;
    const about = unit && {
      tensor: this.#plan.tensors[unit.tensor]?.name ?? '',
      file: this.#plan.shards[unit.shard]?.name ?? '',
      fileDoneBytes: this.#byShard[unit.shard] ?? 0,
      fileTotalBytes: this.#totalByShard[unit.shard] ?? 0,
    };
    return {
      type: 'progress',
      phase: 'convert',
      ...about,
      doneBytes: this.#doneBytes,
      totalBytes: this.#plan.summary.sourceBytes,
    };
  }
}
