import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { createLoadMeter } from './load-meter.ts';
import { OthersBusy } from './others-busy.ts';

export interface ThreadControllerOptions {
  /** As many as the machine and its cgroup allow. */
  maxThreads: number;
  /** All that the machine has: `othersBusy` is told of these. */
  cores?: number;
  use: (threads: number) => void;
  now?: () => number;
  /** Cores that other programs kept busy since the last call; null where that cannot be known. */
  othersBusy?: () => number | null;
}

/** After a pause of this length others may have come or gone. */
const forgottenMs = 5000;
/** A step this much slower than the best seen at this count means that a thread waits for its core. */
const slowRatio = 1.3;
const slowSteps = 4;
const trialSteps = 6;
/** A trial that is so much slower has been lost: half the threads take twice as long where nobody is in the way. */
const lostRatio = 1.25;
/** Without some steps at the present count there is nothing to hold a trial against. */
const stepsBeforeTrial = 4;
const firstPauseMs = 1000;
const longestPauseMs = 20_000;

interface Trial {
  from: number;
  fromMs: number;
  stepsLeft: number;
  totalMs: number;
  counted: number;
}

/**
 * How many threads compute. All threads of a step wait for the slowest, so one that shares its core with another
 * program slows everything: then one fewer is faster. Goes down when others are busy for long, or on trial when steps
 * are slow and somebody may be there; comes back when they have gone. More than before are tried seldom, only while
 * generating and only when others leave room.
 */
export class ThreadController {
  readonly #options: Required<Pick<ThreadControllerOptions, 'use' | 'now'>>;
  readonly #others: OthersBusy;
  readonly #limit: number;
  readonly #cores: number;
  #threads: number;
  /** Best step seen, by thread count and batch length. */
  readonly #best = new Map<number, number>();
  #slow = 0;
  #recentMs = 0;
  #recentSteps = 0;
  #restedAt = 0;
  /** The count to come back to: what was measured on a calm machine, or as many as there may be. */
  #home: number;
  /** Where that was too many at once while others are there: the next to be tried. */
  #aim: number | null = null;
  #nextTrialAt = 0;
  #pauseMs = firstPauseMs;
  #trial: Trial | null = null;
  changes = 0;

  constructor(options: ThreadControllerOptions) {
    const now = options.now ?? (() => performance.now());
    this.#options = { use: options.use, now };
    this.#others = new OthersBusy(options.othersBusy ?? createLoadMeter(), now);
    this.#limit = options.maxThreads;
    // Where the system tells nothing of its processors there are none to count.
    this.#cores = Math.max(options.maxThreads, options.cores ?? cpus().length);
    this.#threads = options.maxThreads;
    this.#home = options.maxThreads;
    this.#options.use(this.#threads);
  }

  get threads(): number {
    return this.#threads;
  }

  /** Computes with so many from now on, without an opinion: for measuring. */
  set(threads: number): void {
    this.#change(Math.min(threads, this.#limit));
    this.changes = 0;
  }

  /** From now on what others use counts for `begin`. */
  watch(): void {
    this.#others.begin();
  }

  /**
   * Begins with what was measured at load. What was measured while others were busy says little about later:
   * then as many as there may be are tried as soon as the machine is calm.
   */
  begin(threads: number): void {
    this.#others.close();
    this.#restedAt = this.#options.now();
    this.#home = this.#others.wasCalm ? threads : this.#limit;
    this.#aim = null;
    this.set(threads);
  }

  /** Nobody is being answered any more. */
  rest(): void {
    this.#others.pause();
    this.#restedAt = this.#options.now();
  }

  /**
   * Work begins after a pause. What was known before it holds for a while, and then as many threads as at the
   * beginning are right until shown otherwise.
   */
  resume(): void {
    this.#others.begin();
    if (this.#options.now() - this.#restedAt < forgottenMs) return;
    this.#others.forget();
    this.#trial = null;
    this.#aim = null;
    this.#change(this.#home);
  }

  /** Before a step that reads a prompt: no trials, only what is known of the others. */
  beforePrompt(): void {
    this.#others.look();
    this.#dropTrial();
    const left = this.#left();
    if (left < this.#threads) this.#stepDown(left);
    else if (this.#threads < this.#home && this.#mayTryMore()) this.#change(this.#nextToTry());
  }

  beforeToken(): void {
    this.#others.look();
    if (this.#trial !== null || this.#threads >= this.#limit) return;
    if (this.#threads < this.#home && this.#others.areGone) this.#comeBack();
    if (this.#threads >= this.#limit || !this.#mayTryMore() || this.#recentSteps < stepsBeforeTrial) return;
    this.#startTrial(this.#nextToTry());
  }

  /** After a step of `length` tokens, one for each answer. */
  afterToken(ms: number, length: number): void {
    if (this.#trial !== null) {
      this.#countTrial(this.#trial, ms / length);
      return;
    }
    const isSlow = this.#remember(ms, length);
    this.#slow = isSlow ? this.#slow + 1 : Math.max(0, this.#slow - 1);
    if (this.#slow < slowSteps || this.#threads <= 1) return;
    this.#slow = 0;
    if (this.#left() < this.#threads) this.#stepDown(this.#left());
    else if (this.#others.mayBeThere && this.#isTimeForTrial()) this.#startTrial(this.#threads - 1);
  }

  /** Whether it was slower than such steps are. */
  #remember(ms: number, length: number): boolean {
    this.#recentMs = this.#recentMs === 0 ? ms / length : this.#recentMs * 0.8 + (ms / length) * 0.2;
    this.#recentSteps++;
    const key = this.#threads * 1024 + length;
    const best = this.#best.get(key) ?? Number.POSITIVE_INFINITY;
    // The best of long ago was at a shorter context: let it rise slowly.
    this.#best.set(key, Math.min(ms, best * 1.0005));
    return ms > best * slowRatio;
  }

  #mayTryMore(): boolean {
    if (this.#others.areGone && this.#threads < this.#home) return true;
    return this.#surelyLeft() > this.#threads && this.#isTimeForTrial();
  }

  /** Below home as many of those as there is room for, else one more. */
  #nextToTry(): number {
    const aim = this.#others.areGone ? this.#home : (this.#aim ?? this.#home);
    return Math.max(this.#threads + 1, Math.min(this.#surelyLeft(), aim));
  }

  #comeBack(): void {
    this.#aim = null;
    this.#change(this.#home);
  }

  #isTimeForTrial(): boolean {
    return this.#options.now() >= this.#nextTrialAt;
  }

  /** Threads that others leave, where only what they took for long counts. */
  #left(): number {
    return this.#within(this.#cores - this.#others.taken);
  }

  /** The same, where all counts that they took. */
  #surelyLeft(): number {
    return this.#within(this.#cores - this.#others.everTaken);
  }

  #within(cores: number): number {
    return Math.max(1, Math.min(this.#limit, cores));
  }

  #stepDown(threads: number): void {
    this.#change(threads);
    this.#pauseMs = firstPauseMs;
    this.#nextTrialAt = this.#options.now() + this.#pauseMs;
  }

  #startTrial(threads: number): void {
    this.#trial = {
      from: this.#threads,
      fromMs: this.#recentMs,
      stepsLeft: trialSteps,
      totalMs: 0,
      counted: 0,
    };
    this.#change(threads);
  }

  #countTrial(trial: Trial, ms: number): void {
    trial.stepsLeft--;
    // The first step wakes the other pool.
    if (trial.stepsLeft < trialSteps - 1) {
      trial.totalMs += ms;
      trial.counted++;
      if (ms > trial.fromMs * lostRatio) trial.stepsLeft = 0;
    }
    if (trial.stepsLeft > 0) return;
    this.#endTrial(trial.counted > 0 && trial.totalMs / trial.counted < trial.fromMs * 0.95);
  }

  #endTrial(isBetter: boolean): void {
    const trial = this.#trial;
    if (trial === null) return;
    this.#trial = null;
    this.#slow = 0;
    if (isBetter) {
      this.#home = Math.max(this.#home, this.#threads);
      this.#pauseMs = firstPauseMs;
      this.#recentMs = trial.totalMs / Math.max(1, trial.counted);
    } else {
      // Too far at once: half of the way is the next to be tried.
      if (this.#threads > trial.from) this.#aim = trial.from + Math.floor((this.#threads - trial.from) / 2);
      this.#change(trial.from);
      this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
    }
    this.#nextTrialAt = this.#options.now() + this.#pauseMs;
  }

  /** A prompt came first: that says nothing about the trial. */
  #dropTrial(): void {
    if (this.#trial === null) return;
    this.#change(this.#trial.from);
    this.#trial = null;
    this.#nextTrialAt = this.#options.now() + this.#pauseMs;
  }

  #change(threads: number): void {
    if (threads === this.#threads) return;
    this.#threads = threads;
    this.#recentMs = 0;
    this.#recentSteps = 0;
    this.changes++;
    this.#options.use(threads);
  }
}
