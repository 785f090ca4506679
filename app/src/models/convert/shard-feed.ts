import { AppError } from '../../contracts/app-error.ts';
import type { PlannedUnit } from './planned-tensors.ts';
import type { ShardPosition } from './conversion-journal.ts';
import { OrderedBytes } from './ordered-bytes.ts';
import type { OpenShard } from './weights.ts';

export interface NumberedUnit extends PlannedUnit {
  index: number;
}

export interface FeedOptions {
  shardIndex: number;
  shard: OpenShard;
  /** All units of this shard, in the order of their bytes. */
  units: readonly NumberedUnit[];
  isDone: (unit: number) => boolean;
  /** Where an earlier run got to; everything before is done. */
  from: ShardPosition | undefined;
  /** Resolves when there is room for another unit. */
  room: () => Promise<void>;
  give: (unit: NumberedUnit, bytes?: ArrayBuffer) => void;
  /** Every unit up to here is done, and the hash covers everything before. */
  onPosition: (position: ShardPosition) => void;
  signal: AbortSignal;
}

/** Gives the units of one shard to the workers: where to read them, or the bytes as they come in. */
export class ShardFeed {
  readonly #options: FeedOptions;
  /** Units that were given or skipped, in order, with what is known behind each. */
  readonly #trail: { unit: number; position: number; hash: string }[] = [];

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Called when a unit is done: the position moves on over everything that is done without a gap. */
  advance(): void {
    const { isDone, onPosition, shardIndex } = this.#options;
    let reached: { position: number; hash: string } | undefined;
    while (this.#trail[0] && isDone(this.#trail[0].unit)) reached = this.#trail.shift();
    if (reached) onPosition({ shard: shardIndex, position: reached.position, hash: reached.hash });
  }

  async run(): Promise<void> {
    if (this.#options.shard.shard.path === undefined) await this.#runStreamed();
    else await this.#runLocal();
  }

  async #runLocal(): Promise<void> {
    const { units, isDone, room, give } = this.#options;
    for (const unit of units) {
      if (isDone(unit.index)) continue;
      await room();
      give(unit);
    }
  }

  async #runStreamed(): Promise<void> {
    const { shard, from, signal } = this.#options;
    const { source, sha256 } = shard.shard;
    if (from?.position === source.sizeBytes) return;
    const bytes = await OrderedBytes.open(source, {
      position: from?.position ?? 0,
      hashState: from?.hash ?? '',
      isHashed: sha256 !== undefined,
      signal,
    });
    try {
      await this.#giveAll(bytes);
      await bytes.skipTo(source.sizeBytes);
      this.#checkHash(bytes.digest());
    } finally {
      await bytes.close();
    }
  }

  /** Units that read the very same bytes come together: an output that is the embedding. */
  #sets(start: number): NumberedUnit[][] {
    const sets: NumberedUnit[][] = [];
    for (const unit of this.#options.units) {
      if (unit.sourceOffset < start) continue;
      const last = sets.at(-1);
      const [first] = last ?? [];
      if (first?.sourceOffset === unit.sourceOffset && first.sourceBytes === unit.sourceBytes)
        last?.push(unit);
      else if (first && unit.sourceOffset < first.sourceOffset + first.sourceBytes) throw this.#sharedBytes();
      else sets.push([unit]);
    }
    return sets;
  }

  #sharedBytes(): AppError {
    return new AppError(
      'model-unsupported',
      `Tensors of ${this.#options.shard.name} share parts of their bytes.`,
      {
        hint: 'Download the repository and import its folder: files on this machine can be read in any order.',
      },
    );
  }

  async #giveAll(bytes: OrderedBytes): Promise<void> {
    for (const set of this.#sets(bytes.position)) {
      const [first] = set;
      if (!first) continue;
      await bytes.skipTo(first.sourceOffset);
      await this.#giveSet(bytes, first, set);
      const behind = { position: bytes.position, hash: bytes.hashState() };
      for (const { index } of set) this.#trail.push({ unit: index, ...behind });
      this.advance();
    }
  }

  async #giveSet(bytes: OrderedBytes, first: NumberedUnit, set: readonly NumberedUnit[]): Promise<void> {
    const { isDone, room, give } = this.#options;
    const waiting = set.filter(({ index }) => !isDone(index));
    if (waiting.length === 0) return await bytes.skipTo(first.sourceOffset + first.sourceBytes);
    const buffer = await bytes.take(first.sourceBytes);
    for (const [copy, wanted] of waiting.entries()) {
      await room();
      give(wanted, copy === waiting.length - 1 ? buffer : buffer.slice(0));
    }
  }

  #checkHash(digest: string | undefined): void {
    const { shard } = this.#options;
    const expected = shard.shard.sha256;
    if (expected === undefined || digest === expected) return;
    throw new AppError('hash-mismatch', `${shard.name} is not the file that the Hub describes.`, {
      hint: 'Something on the way changed it, or it was replaced; try again.',
      details: { expected, found: digest },
    });
  }
}
