import { performance } from 'node:perf_hooks';
import { AppError, toAppError } from '../../../contracts/app-error.ts';
import type { EndReason, RunPart } from '../../../contracts/run-parts.ts';
import { endPart } from './answer-text.ts';
import type { Part } from './batch-plan.ts';
import { BatchResults } from './batch-results.ts';
import { BatchRunner } from './batch-runner.ts';
import type { CancelLine } from './cancel-line.ts';
import type { NativeContext } from './context.ts';
import type { Counters } from './counters.ts';
import { FairQueue } from './fair-queue.ts';
import { IdleCells } from './idle-cells.ts';
import { mayBePassed, mayStart } from './may-start.ts';
import type { Outbox } from './outbox.ts';
import { QueuePlaces } from './queue-places.ts';
import { PrefixReuse } from './prefix-reuse.ts';
import { releaseSequence } from './release-sequence.ts';
import type { Sequence, Sequences } from './sequences.ts';
import type { StatesAside } from './states-aside.ts';
import { Speech } from './speech.ts';
import { StepPlan } from './step-plan.ts';
import { closingParts, stepBack, type Task } from './task.ts';
import type { ThreadController } from './thread-controller.ts';
import type { Vocabulary } from './vocabulary.ts';
import type { WorkClock } from './work-clock.ts';

export interface SchedulerOptions {
  context: NativeContext;
  vocabulary: Vocabulary;
  sequences: Sequences;
  outbox: Outbox;
  threads: ThreadController;
  clock: WorkClock;
  cancelLine: CancelLine;
  counters: Counters;
  slots: number;
  contextTokens: number;
  kvTokens: number;
  /** Rows of logits that one batch may ask for. */
  outputCapacity: number;
  /** How many cells of idle chats may stay in the cache beside chats that are being answered. */
  idleCellAllowance: number;
  /** States that left the cache for ordinary memory. */
  aside: StatesAside;
  canTrim: boolean;
  /** Where cancellations go that were found between two steps. */
  onCancel: (ticket: number) => void;
  /** Whether a chat's state may be given up for side work, because it lies on disk. */
  isKeptOnDisk: (sequence: Sequence) => boolean;
  /** Whether a state that leaves the cache would come back by a copy. */
  canKeep: (sequence: Sequence) => boolean;
  /** Whether so much is on its way to the disk that it takes nothing more. */
  isDiskBehind: () => boolean;
}

/** Serves all requests of one model together, a step at a time. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue = new FairQueue<Task>();
  #active: readonly Task[] = [];
  readonly #prefixes: PrefixReuse;
  readonly #runner: BatchRunner;
  readonly #idleCells: IdleCells;
  readonly #plan: StepPlan;
  readonly #places: QueuePlaces;
  readonly #speech: Speech;
  readonly #results: BatchResults;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#speech = new Speech(options);
    this.#prefixes = new PrefixReuse({ ...options, makeRoom: () => this.#makeRoom() });
    this.#places = new QueuePlaces(this.#queue, options.slots, (task, part) => this.#speech.tell(task, part));
    this.#results = new BatchResults({
      ...options,
      queue: this.#queue,
      speech: this.#speech,
      end: (task, reason) => this.#end(task, reason),
      fail: (task, error) => this.#fail(task, error),
    });
    this.#runner = new BatchRunner({
      ...options,
      makeRoom: () => this.#makeRoom(),
      onDone: (part) => this.#results.take(part),
      onFailed: (task, code) =>
        this.#fail(
          task,
          new AppError('internal', `The engine could not compute this request (code ${code}).`),
        ),
      onNoRoom: (parts) => this.#giveWay(parts),
    });
    this.#idleCells = new IdleCells({
      ...options,
      allowance: options.idleCellAllowance,
      isAwaited: ({ stateKey }) => stateKey !== null && this.#isAwaited(stateKey),
      onEvict: () => options.counters.evictions++,
    });
    this.#plan = new StepPlan({
      ...options,
      prefixes: this.#prefixes,
      idleCells: this.#idleCells,
      msPerPromptToken: () => this.#runner.msPerPromptToken,
    });
  }

  get hasWork(): boolean {
    return this.#active.length > 0 || this.#queue.length > 0;
  }

  get activeRequests(): number {
    return this.#active.length;
  }

  get queuedRequests(): number {
    return this.#queue.length;
  }

  submit(task: Task): void {
    this.#queue.push(task);
    this.#admit();
    this.#places.changed();
  }

  /** False when there is no such request. */
  cancel(ticket: number, reason: EndReason = 'aborted'): boolean {
    const task = this.#find(ticket);
    if (task !== null) this.#end(task, reason);
    return task !== null;
  }

  /** Nobody is being answered. True: there is more of this to do. */
  rest(): boolean {
    return !this.hasWork && this.#idleCells.rest();
  }

  endAll(reason: EndReason): void {
    for (const task of [...this.#queue.inOrder(), ...this.#active]) this.#end(task, reason);
  }

  /** Does one piece of work; false when there is none. */
  step(): boolean {
    const started = performance.now();
    const { cancelLine, onCancel } = this.#options;
    for (const ticket of cancelLine.take()) onCancel(ticket);
    this.#admit();
    const parts = this.#plan.next(this.#active, started);
    if (parts.length > 0) this.#runner.run(parts);
    this.#places.tellIfDue(started);
    this.#speech.send(this.#active);
    return this.hasWork;
  }

  #setActive(tasks: readonly Task[]): void {
    this.#active = tasks;
    this.#plan.changed();
  }

  #isAwaited(stateKey: string): boolean {
    const waiting = [...this.#queue.inOrder(), ...this.#active.filter((task) => task.phase === 'waiting')];
    return waiting.some((task) => task.stateKey === stateKey);
  }

  #find(ticket: number): Task | null {
    const all = [...this.#active, ...this.#queue.inOrder()];
    return all.find((task) => task.ticket === ticket) ?? null;
  }

  #admit(): void {
    while (this.#queue.length > 0 && this.#active.length < this.#options.slots) {
      const place = {
        active: this.#active,
        kvTokens: this.#options.kvTokens,
        usualMs: this.#places.serviceMs,
      };
      const task = this.#queue.take(
        (item) => mayStart(item, place.active, place.kvTokens),
        (item, by) => mayBePassed(item, by, place),
      );
      if (task === null) return;
      task.startedAt ||= performance.now();
      task.phase = 'waiting';
      this.#setActive([...this.#active, task]);
      this.#places.changed();
    }
  }

  #fail(task: Task, error: unknown): void {
    if (task.phase === 'ended') return;
    if (task.work.kind === 'read') {
      task.work.reject(error);
      this.#close(task, false);
      return;
    }
    this.#speech.sayDrawn(task, task.work);
    this.#finish(task, { type: 'end', reason: 'failed', error: toAppError(error).toJSON() }, false);
  }

  #end(task: Task, reason: EndReason): void {
    if (task.phase === 'ended') return;
    if (task.work.kind === 'read') {
      if (reason === 'stop') task.work.resolve();
      else task.work.reject(readingEnded(reason));
      this.#close(task, false);
      return;
    }
    this.#speech.sayAll(task, task.work);
    this.#finish(task, endPart(reason, task.work), true);
  }

  #finish(task: Task, end: RunPart, keep: boolean): void {
    for (const part of closingParts(task)) this.#speech.tell(task, part);
    this.#speech.tell(task, end, true);
    this.#close(task, keep);
  }

  #close(task: Task, keep: boolean): void {
    task.phase = 'ended';
    this.#queue.remove(task);
    this.#setActive(this.#active.filter((other) => other !== task));
    if (task.work.kind === 'answer') task.work.sampler.free();
    releaseSequence(task, this.#options, keep);
    if (task.startedAt > 0) this.#places.learn(performance.now() - task.startedAt);
    this.#places.changed();
  }

  #makeRoom(): boolean {
    const hasAnswer = this.#active.some((task) => task.priority === 'answer');
    const { sequences, counters, isKeptOnDisk } = this.#options;
    const isEvicted = sequences.evictOne(
      (sequence) => hasAnswer || sequence.stateKey === null || isKeptOnDisk(sequence),
    );
    if (isEvicted) counters.evictions++;
    return isEvicted;
  }

  /** The cache is full of running requests: the youngest steps back and is read anew when there is room. */
  #giveWay(parts: readonly Part[]): Part[] {
    const holders = this.#active.filter((task) => task.sequence !== null);
    const youngest = holders.sort((a, b) => b.startedAt - a.startedAt || b.ticket - a.ticket)[0];
    if (holders.length <= 1 || youngest === undefined) {
      for (const { task } of parts) this.#endWithoutRoom(task);
      return [];
    }
    this.#options.counters.preemptions++;
    this.#options.sequences.drop(youngest.sequence!);
    if (youngest.work.kind === 'answer') this.#speech.sayDrawn(youngest, youngest.work);
    this.#setActive(this.#active.filter((task) => task !== youngest));
    stepBack(youngest);
    this.#queue.putBack(youngest);
    return parts.filter((part) => part.task !== youngest);
  }

  #endWithoutRoom(task: Task): void {
    if (task.phase === 'generating') return this.#end(task, 'length');
    this.#fail(
      task,
      new AppError('engine-unavailable', 'The memory for contexts is full.', {
        hint: 'Try again when other answers are finished, or load the model with a smaller context.',
      }),
    );
  }
}

/** Whoever did not stop it may ask again, and clients do so by themselves where the server went away. */
function readingEnded(reason: EndReason): AppError {
  if (reason !== 'interrupted') return new AppError('cancelled', 'The reading was stopped.');
  return new AppError('engine-crashed', 'The engine went away while the text was read.', {
    hint: 'Ask again; it will be started anew.',
  });
}
