import { availableParallelism } from 'node:os';
import { rm } from 'node:fs/promises';
import { AppError } from '../../contracts/app-error.ts';
import { ggmlSizeBytes } from '../../formats/gguf/gguf-types.ts';
import {
  ConversionJournal,
  readJournal,
  type JournalStart,
  type JournalState,
} from './conversion-journal.ts';
import type { ConversionPlan } from './conversion-plan.ts';
import { ConversionProgress } from './conversion-progress.ts';
import type { ConvertOptions, ConvertResult } from './convert-types.ts';
import { abortReason, fileError } from './file-errors.ts';
import { ShardFeed, type NumberedUnit } from './shard-feed.ts';
import { UnfinishedFile } from './unfinished-file.ts';
import type { UnitAnswer, WorkerSetup } from './unit-jobs.ts';
import { WorkerPool } from './worker-pool.ts';

/** How often what is done is forced to the disk; a power cut costs no more than this. */
const syncIntervalMs = 3000;
/** Shards that are streamed at once; each has one connection and one unit in memory. */
const streamsAtOnce = 4;

function targetOf(plan: ConversionPlan, unit: NumberedUnit): { offset: number; sizeBytes: number } {
  const tensor = plan.tensors[unit.tensor];
  if (!tensor) throw new AppError('internal', `There is no tensor ${unit.tensor} in the plan.`);
  const rowBytes = ggmlSizeBytes(tensor.type, tensor.rows * tensor.columns) / tensor.rows;
  return { offset: tensor.offset + unit.targetRow * rowBytes, sizeBytes: unit.rows * rowBytes };
}

function workerSetup(plan: ConversionPlan, outputPath: string): WorkerSetup {
  return {
    outputPath,
    tensors: plan.tensors.map(({ name, type, dtype, columns, strides, order, additions }) => ({
      name,
      type,
      dtype,
      columns,
      ...(strides ? { strides } : {}),
      wovenHeadWidth: order.kind === 'woven' ? order.headWidth : 0,
      additions,
    })),
  };
}

/** One run from the first unit that is not done to the finished file. */
export class Conversion {
  readonly #options: ConvertOptions;
  readonly #plan: ConversionPlan;
  readonly #units: NumberedUnit[];
  readonly #done = new Set<number>();
  readonly #abort = new AbortController();
  readonly #feeds: ShardFeed[] = [];
  readonly progress: ConversionProgress;
  #file!: UnfinishedFile;
  #journal!: ConversionJournal;
  #pool!: WorkerPool;
  #positions: JournalState['positions'] = new Map();
  #lastSync = 0;
  unitsFoundDone = 0;
  verifiedBytes = 0;

  constructor(options: ConvertOptions, plan: ConversionPlan) {
    this.#options = options;
    this.#plan = plan;
    this.#units = plan.units.map((unit, index) => ({ ...unit, index }));
    this.progress = new ConversionProgress(plan);
  }

  get #signal(): AbortSignal {
    const { signal } = this.#options;
    return signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal;
  }

  /** Takes up what an earlier run left, or begins anew. */
  async prepare(): Promise<void> {
    const { output, journal } = this.#options;
    const { layout, extras, hash } = this.#plan;
    const state = await readJournal(journal, hash);
    const left = state.units.size > 0 ? await UnfinishedFile.reopen(output, layout.sizeBytes) : undefined;
    this.#file = left ?? (await UnfinishedFile.create(output, layout.sizeBytes));
    await this.#file.writeAt(0, layout.header);
    for (const { offset, bytes } of extras) await this.#file.writeAt(offset, bytes);
    const start = left ? await this.#takeUp(state) : { units: new Map(), positions: new Map() };
    this.unitsFoundDone = this.#done.size;
    this.#journal = await ConversionJournal.begin(journal, hash, start);
    this.#pool = new WorkerPool(
      this.#options.workers ?? availableParallelism(),
      workerSetup(this.#plan, this.#file.path),
      (answer) => this.#onAnswer(answer),
    );
    this.#lastSync = Date.now();
  }

  /** Units that were surely on the disk count; the others only if their bytes are what the journal says. */
  async #takeUp(state: JournalState): Promise<JournalStart> {
    const sound = new Map<number, number>();
    for (const [place, [index, crc]] of [...state.units].entries()) {
      const unit = this.#units[index];
      if (!unit) continue;
      const { offset, sizeBytes } = targetOf(this.#plan, unit);
      const isSynced = place < state.syncedUnits;
      if (!isSynced && (await this.#file.checkSum(offset, sizeBytes)) !== crc) continue;
      sound.set(index, crc);
      this.#done.add(index);
      this.progress.add(unit);
    }
    for (const [shard, position] of state.positions) {
      const before = this.#units.filter(
        (unit) => unit.shard === shard && unit.sourceOffset < position.position,
      );
      if (before.every(({ index }) => this.#done.has(index))) this.#positions.set(shard, position);
    }
    await this.#file.sync();
    return { units: sound, positions: this.#positions };
  }

  #onAnswer(answer: UnitAnswer): void {
    if ('error' in answer) {
      this.#fail(AppError.fromJSON(answer.error));
      return;
    }
    const unit = this.#units[answer.unit];
    if (!unit) return;
    this.#done.add(answer.unit);
    this.progress.add(unit);
    this.#journal.done(answer);
    this.#feeds[unit.shard]?.advance();
    this.#journal.write().catch((error: unknown) => this.#fail(fileError(error)));
  }

  #fail(error: AppError): void {
    this.#pool.fail(error);
    this.#abort.abort(error);
  }

  #feed(shardIndex: number): ShardFeed {
    const shard = this.#plan.shards[shardIndex];
    if (!shard) throw new AppError('internal', `There is no shard ${shardIndex} in the plan.`);
    const feed = new ShardFeed({
      shardIndex,
      shard,
      units: this.#units.filter((unit) => unit.shard === shardIndex),
      isDone: (unit) => this.#done.has(unit),
      from: this.#positions.get(shardIndex),
      room: () => this.#pool.room(),
      give: (unit, bytes) =>
        this.#pool.give({
          unit: unit.index,
          tensor: unit.tensor,
          sourceRow: unit.sourceRow,
          rows: unit.rows,
          ...(bytes ? { bytes } : {}),
          ...(shard.shard.path === undefined ? {} : { path: shard.shard.path }),
          sourceOffset: unit.sourceOffset,
          sourceBytes: unit.sourceBytes,
          targetOffset: targetOf(this.#plan, unit).offset,
        }),
      onPosition: (position) => this.#journal.reached(position),
      signal: this.#signal,
    });
    this.#feeds[shardIndex] = feed;
    return feed;
  }

  /** Local shards one after the other, streamed ones a few at once, all into the same workers. */
  async work(): Promise<void> {
    const queue = this.#plan.shards.map((_, index) => index);
    const takeNext = async (): Promise<void> => {
      for (let shard = queue.shift(); shard !== undefined; shard = queue.shift())
        await this.#feed(shard).run();
    };
    const isStreamed = this.#plan.shards.some(({ shard }) => shard.path === undefined);
    const runs = Array.from({ length: isStreamed ? streamsAtOnce : 1 }, takeNext);
    const onAbort = (): void => this.#pool.fail(abortReason(this.#signal));
    this.#signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.all(runs);
      await this.#pool.idle();
    } catch (error) {
      throw this.#pool.failure ?? error;
    } finally {
      this.#abort.abort();
      await Promise.allSettled(runs);
    }
    if (this.#done.size !== this.#units.length)
      throw new AppError('internal', `Of ${this.#units.length} units only ${this.#done.size} were done.`);
    await this.sync();
  }

  async sync(): Promise<void> {
    this.#lastSync = Date.now();
    await this.#journal.sync(() => this.#file.sync());
  }

  async syncIfDue(): Promise<void> {
    if (Date.now() - this.#lastSync >= syncIntervalMs) await this.sync();
  }

  async finish(): Promise<ConvertResult> {
    await this.#pool.close();
    const signal = this.#options.signal ?? new AbortController().signal;
    const sha256 = await this.#file.verify(this.#plan, (bytes) => (this.verifiedBytes = bytes), signal);
    await this.#file.finish();
    await this.#journal.remove();
    return {
      path: this.#options.output,
      sha256,
      sizeBytes: this.#plan.layout.sizeBytes,
      summary: this.#plan.summary,
      unitsConverted: this.#units.length - this.unitsFoundDone,
      unitsFoundDone: this.unitsFoundDone,
    };
  }

  /** Ends the threads. What is done stays for the next run, unless another run could only fail the same way. */
  async abandon(failure: unknown): Promise<void> {
    this.#abort.abort();
    await this.#pool?.close();
    const parts = [this.#journal, this.#file].filter((part) => part !== undefined);
    const isFinal = failure instanceof AppError && !mayGoOn(failure);
    if (!isFinal) await this.#journal?.write();
    await Promise.allSettled(parts.map((part) => (isFinal ? part.remove() : part.close())));
    if (isFinal) await rm(this.#options.journal, { force: true });
  }
}

/** A wrong hash may be retried, but not on top of what was made of the wrong bytes. */
function mayGoOn(error: AppError): boolean {
  return error.isRetryable && error.code !== 'hash-mismatch';
}
