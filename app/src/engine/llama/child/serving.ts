import { performance } from 'node:perf_hooks';
import { toAppError } from '../../../contracts/app-error.ts';
import type { Embedding } from '../../engine.ts';
import type { TokenLogprob } from '../../../contracts/run-parts.ts';
import type { LoadMessage, WireGenerateRequest, WireAsked, WireScoreRequest } from '../protocol.ts';
import type { EngineStats } from '../protocol-results.ts';
import { prepareTask, type AdmissionPlace } from './admission.ts';
import type { Bindings } from './bindings.ts';
import type { CancelLine } from './cancel-line.ts';
import type { Channel } from './channel.ts';
import { ChatStates } from './chat-states.ts';
import { createCounters } from './counters.ts';
import { residentBytes, threadMs } from './libc.ts';
import type { LoadedModel } from './loaded-model.ts';
import { Outbox } from './outbox.ts';
import type { Prompting } from './prompting.ts';
import { Scheduler } from './scheduler.ts';
import { prepareEmbedding } from './embed-text.ts';
import type { PreparedReading } from './read-text.ts';
import { prepareScore } from './score-text.ts';
import { maxSequences, Sequences, type Sequence } from './sequences.ts';
import { Snapshots } from './snapshots.ts';
import { StatesAside } from './states-aside.ts';
import type { Task } from './task.ts';
import type { Vocabulary } from './vocabulary.ts';
import { WorkClock } from './work-clock.ts';

export interface ServingOptions {
  library: Bindings;
  loaded: LoadedModel;
  message: LoadMessage;
  channel: Channel;
  cancelLine: CancelLine;
  onCancel: (ticket: number) => void;
}

/** A turn of the event loop costs more than a token's sampling: so only where something waits for it, … */
const turnMs = 8;
/** … for files that are being written a little later, … */
const fileTurnMs = 50;
/** … and for timers now and then. */
const longestTurnMs = 250;

/** A loaded model and everybody who asks it something. */
export class Serving {
  readonly #options: ServingOptions;
  readonly #counters = createCounters();
  readonly #clock = new WorkClock(this.#counters, threadMs);
  readonly #sequences: Sequences;
  readonly #snapshots: Snapshots | null;
  readonly #states: ChatStates | null;
  readonly #aside: StatesAside;
  readonly #outbox: Outbox;
  readonly #scheduler: Scheduler;
  readonly #place: AdmissionPlace;
  /** Requests that are being made ready, and whether they were cancelled meanwhile. */
  readonly #preparing = new Map<number, { isCancelled: boolean }>();
  #isRunning = false;
  #isClosing = false;

  constructor(options: ServingOptions) {
    const { loaded, message, channel, cancelLine } = options;
    this.#options = options;
    const { context } = loaded;
    this.#outbox = new Outbox((batches) => channel.send({ type: 'parts', batches }));
    this.#aside = new StatesAside(context);
    const places = loaded.model.canTrim ? maxSequences : loaded.slots;
    this.#sequences = new Sequences(context, (sequence) => this.#setAside(sequence), places);
    this.#snapshots = snapshotsOf(message, loaded, channel);
    this.#states =
      this.#snapshots &&
      new ChatStates({
        context,
        sequences: this.#sequences,
        snapshots: this.#snapshots,
        isBusy: () => this.#scheduler.hasWork,
      });
    this.#scheduler = new Scheduler({
      ...loaded,
      vocabulary: loaded.model.vocabulary,
      sequences: this.#sequences,
      outbox: this.#outbox,
      cancelLine,
      clock: this.#clock,
      counters: this.#counters,
      aside: this.#aside,
      canTrim: loaded.model.canTrim,
      onCancel: (ticket) => options.onCancel(ticket),
      isKeptOnDisk: (sequence) => this.#states?.isKept(sequence) ?? false,
      canKeep: (sequence) => this.#canKeep(sequence),
      isDiskBehind: () => this.#snapshots?.isBehind ?? false,
    });
    this.#place = {
      library: options.library,
      loaded,
      sequences: this.#sequences,
      states: this.#states,
      aside: this.#aside,
      counters: this.#counters,
    };
  }

  get prompting(): Prompting {
    return this.#options.loaded.prompting;
  }

  get vocabulary(): Vocabulary {
    return this.#options.loaded.model.vocabulary;
  }

  generate(ticket: number, request: WireGenerateRequest): void {
    const state = { isCancelled: false };
    this.#preparing.set(ticket, state);
    prepareTask(ticket, request, this.#place)
      .then(
        (task) => this.#submit(task, state.isCancelled),
        (error: unknown) => {
          const failure = toAppError(error).toJSON();
          this.#outbox.add(ticket, { type: 'end', reason: 'failed', error: failure }, true);
          this.#outbox.flush();
        },
      )
      .finally(() => this.#preparing.delete(ticket))
      .catch(() => process.exit(1));
  }

  #submit(task: Task, isCancelled: boolean): void {
    this.#scheduler.submit(task);
    if (this.#isClosing) this.#scheduler.cancel(task.ticket, 'interrupted');
    else if (isCancelled) this.#scheduler.cancel(task.ticket);
    this.#run();
  }

  /** Keeps what has to leave the cache: a chat's state on disk, what may not lie there in memory. */
  #setAside(sequence: Sequence): void {
    const states = this.#statesFor(sequence);
    if (states === null) this.#aside.put(sequence);
    else void states.save(sequence);
  }

  #canKeep(sequence: Sequence): boolean {
    return (this.#statesFor(sequence) ?? this.#aside).canKeep(sequence);
  }

  /** Null: what may not, or cannot, lie on disk. */
  #statesFor({ stateKey, ephemeral }: Sequence): ChatStates | null {
    return stateKey === null || ephemeral ? null : this.#states;
  }

  /** False when there is no such request. */
  cancel(ticket: number): boolean {
    const preparing = this.#preparing.get(ticket);
    if (preparing !== undefined) preparing.isCancelled = true;
    const isKnown = this.#scheduler.cancel(ticket) || preparing !== undefined;
    this.#outbox.flush();
    return isKnown;
  }

  /** Log-probability of each token of a text after a prompt. */
  async score(ticket: number, request: WireScoreRequest): Promise<TokenLogprob[]> {
    const { made, isCancelled } = await this.#prepared(
      ticket,
      prepareScore(ticket, request, this.#options.loaded),
    );
    return made === null ? [] : this.#read(made, isCancelled);
  }

  /** The direction of a text. */
  async embed(ticket: number, request: WireAsked): Promise<Embedding> {
    const { made, isCancelled } = await this.#prepared(
      ticket,
      prepareEmbedding(ticket, request, this.#options.loaded),
    );
    return this.#read(made, isCancelled);
  }

  /** What is being prepared can be cancelled already. */
  async #prepared<Made>(
    ticket: number,
    preparing: Promise<Made>,
  ): Promise<{ made: Made; isCancelled: boolean }> {
    const state = { isCancelled: false };
    this.#preparing.set(ticket, state);
    const made = await preparing.finally(() => this.#preparing.delete(ticket));
    return { made, ...state };
  }

  #read<Result>(makeTask: PreparedReading<Result>, isCancelled: boolean): Promise<Result> {
    return new Promise((resolve, reject) => this.#submit(makeTask({ resolve, reject }), isCancelled));
  }

  async saveState(stateKey: string): Promise<boolean> {
    if (this.#states === null || this.#snapshots === null) return false;
    const idle = this.#sequences.ofChat(stateKey).filter((sequence) => !sequence.isInUse);
    // One that had to leave the cache lies there already.
    if (idle.length === 0) return this.#snapshots.keeps(stateKey);
    const saved = await Promise.all(idle.map((sequence) => this.#states!.save(sequence)));
    return saved.includes(true);
  }

  /** Null: of all chats, with what several of them began with. */
  async dropState(stateKey: string | null): Promise<void> {
    const going = stateKey === null ? this.#sequences.all() : this.#sequences.ofChat(stateKey);
    for (const sequence of going) {
      // One in use goes when its request ends, because it belongs to no chat any more.
      sequence.stateKey = null;
      if (!sequence.isInUse) this.#sequences.drop(sequence);
    }
    this.#aside.drop(stateKey);
    await this.#snapshots?.drop(stateKey);
  }

  stats(framesSent: number): EngineStats {
    const { loaded } = this.#options;
    const all = this.#sequences.all();
    return {
      ...this.#counters,
      threads: loaded.threads.threads,
      threadChanges: loaded.threads.changes,
      activeRequests: this.#scheduler.activeRequests,
      queuedRequests: this.#scheduler.queuedRequests,
      sequences: all.length,
      parkedPrefixes: this.#sequences.parked.length,
      kvCells: loaded.kvTokens,
      kvCellsUsed: all.reduce((sum, sequence) => sum + sequence.tokens.length, 0),
      snapshotsSaved: this.#snapshots?.saved ?? 0,
      snapshotsRefused: this.#snapshots?.refused ?? 0,
      framesSent,
      residentBytes: residentBytes(),
    };
  }

  /** Ends what runs, saves what is worth saving; how many states that were. */
  async close(): Promise<number> {
    this.#isClosing = true;
    this.#scheduler.endAll('interrupted');
    this.#outbox.flush(true);
    this.#options.cancelLine.enter('saving');
    const saved = (await this.#states?.saveAll()) ?? 0;
    await this.prompting.close();
    return saved;
  }

  #isTurnDue(ms: number): boolean {
    if (ms < turnMs) return false;
    if (ms >= longestTurnMs || this.#preparing.size > 0 || this.#options.channel.needsTurn) return true;
    return ms >= fileTurnMs && this.#snapshots?.isWriting === true;
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#clock.begin();
    this.#options.loaded.threads.resume();
    const next = (): void => {
      const started = performance.now();
      let hasMore = this.#scheduler.step();
      while (hasMore && !this.#isTurnDue(performance.now() - started)) hasMore = this.#scheduler.step();
      if (hasMore) {
        setImmediate(next);
        return;
      }
      this.#isRunning = false;
      this.#outbox.flush(true);
      this.#clock.end();
      this.#options.loaded.threads.rest();
      this.#options.cancelLine.enter(this.#isClosing ? 'saving' : 'idle');
      this.#rest();
    };
    setImmediate(next);
  }

  /** After the last word has left, a chat at a time: copying a state takes as long as some tokens. */
  #rest(): void {
    if (this.#isClosing || !this.#scheduler.rest()) return;
    const goOn = (): void => this.#rest();
    if (this.#snapshots?.isBehind === true) void this.#snapshots.settle().then(goOn);
    else setImmediate(goOn);
  }
}

function snapshotsOf(message: LoadMessage, loaded: LoadedModel, channel: Channel): Snapshots | null {
  if (message.snapshots === undefined) return null;
  return new Snapshots({
    ...message.snapshots,
    basis: loaded.basis,
    log: (level, text, fields) => channel.send({ type: 'log', level, message: text, fields: { ...fields } }),
  });
}
