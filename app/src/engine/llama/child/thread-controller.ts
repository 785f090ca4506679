import { performance } from 'node:perf_hooks';
import { readFileSync } from 'node:fs';

export interface ThreadControllerOptions {
  /** As many as the machine and its cgroup allow. */
  maxThreads: number;
  use: (threads: number) => void;
  now?: () => number;
  /** Cores that other programs kept busy since the last call; null where that cannot be known. */
  othersBusy?: () => number | null;
}

const lookEveryMs = 500;
/** After a pause of this length others may have come or gone. */
const forgottenMs = 5000;
/** A step this much slower than the best seen at this count means that a thread waits for its core. */
const slowRatio = 1.3;
/** A core counts as taken from this share on. */
const takenShare = 0.6;
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
 * program slows everything: then one fewer is faster. Goes down when steps are slow or others are busy; goes up
 * again on trial, seldom, only while generating and only when the others are calm.
 */
export class ThreadController {
  readonly #options: Required<Omit<ThreadControllerOptions, 'maxThreads'>>;
  readonly #limit: number;
  #threads: number;
  /** Best step seen, by thread count and batch length. */
  readonly #best = new Map<number, number>();
  #slow = 0;
  #recentMs = 0;
  #recentSteps = 0;
  #lastLook = 0;
  #busy = 0;
  #isCalm = false;
  /** The count to come back to: what was measured on a calm machine, or as many as there may be. */
  #home: number;
  #nextTrialAt = 0;
  #pauseMs = firstPauseMs;
  #trial: Trial | null = null;
  changes = 0;

  constructor(options: ThreadControllerOptions) {
    const now = options.now ?? (() => performance.now());
    this.#options = { use: options.use, now, othersBusy: options.othersBusy ?? createLoadMeter() };
    this.#limit = options.maxThreads;
    this.#threads = options.maxThreads;
    this.#home = options.maxThreads;
    this.#options.use(this.#threads);
    this.#options.othersBusy();
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
    this.#options.othersBusy();
  }

  /**
   * Begins with what was measured at load. What was measured while others were busy says little about later:
   * then as many as there may be are tried as soon as the machine is calm.
   */
  begin(threads: number): void {
    const busy = this.#options.othersBusy() ?? 0;
    this.#lastLook = this.#options.now();
    this.#home = busy < takenShare / 2 ? threads : this.#limit;
    this.set(threads);
  }

  /**
   * Work begins after a pause. What others did in the pause says little about now, so it is not counted; what was
   * known before it holds for a while, and then as many threads as at the beginning are right until shown otherwise.
   */
  resume(): void {
    const now = this.#options.now();
    const pauseMs = now - this.#lastLook;
    if (pauseMs < lookEveryMs) return;
    this.#options.othersBusy();
    this.#lastLook = now;
    if (pauseMs < forgottenMs) return;
    this.#busy = 0;
    this.#isCalm = true;
    this.#trial = null;
    this.#change(this.#home);
  }

  /** Before a step that reads a prompt: no trials, only what is known of the others. */
  beforePrompt(): void {
    this.#look();
    if (this.#trial !== null) this.#endTrial(false);
    const free = this.#free();
    if (free < this.#threads) this.#stepDown(free);
    else if (this.#threads < this.#home && this.#isCalm && this.#options.now() >= this.#nextTrialAt)
      this.#change(Math.min(free, this.#home));
  }

  beforeToken(): void {
    this.#look();
    if (this.#trial !== null || this.#threads >= this.#limit || !this.#isCalm) return;
    if (this.#recentSteps < stepsBeforeTrial || this.#options.now() < this.#nextTrialAt) return;
    const isBelowHome = this.#threads < this.#home;
    this.#startTrial(isBelowHome ? Math.min(this.#free(), this.#home) : this.#threads + 1);
  }

  /** After a step of `length` tokens, one for each answer. */
  afterToken(ms: number, length: number): void {
    if (this.#trial !== null) {
      this.#countTrial(this.#trial, ms / length);
      return;
    }
    this.#recentMs = this.#recentMs === 0 ? ms / length : this.#recentMs * 0.8 + (ms / length) * 0.2;
    this.#recentSteps++;
    const key = this.#threads * 1024 + length;
    const best = this.#best.get(key);
    if (best === undefined || ms < best) this.#best.set(key, ms);
    // The best of long ago was at a shorter context: let it rise slowly.
    else this.#best.set(key, best * 1.0005);
    this.#slow = best !== undefined && ms > best * slowRatio ? this.#slow + 1 : Math.max(0, this.#slow - 1);
    if (this.#slow < 4 || this.#threads <= 1) return;
    this.#slow = 0;
    if (this.#free() < this.#threads) this.#stepDown(this.#free());
    else if (this.#options.now() >= this.#nextTrialAt) this.#startTrial(this.#threads - 1);
  }

  #look(): void {
    const now = this.#options.now();
    if (now - this.#lastLook < lookEveryMs) return;
    this.#lastLook = now;
    this.#busy = this.#options.othersBusy() ?? 0;
    this.#isCalm = this.#busy < takenShare / 2 || this.#free() > this.#threads;
  }

  /** Threads that the others leave. */
  #free(): number {
    const taken = Math.floor(this.#busy + (1 - takenShare));
    return Math.max(1, Math.min(this.#limit, this.#limit - taken));
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
      if (this.#threads > trial.from) this.#home = trial.from + Math.floor((this.#threads - trial.from) / 2);
      this.#change(trial.from);
      this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
    }
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

const ticksPerSecond = 100;

/** Reads how much of the machine others used since it was last asked: all busy time less this process's own. */
function createLoadMeter(): () => number | null {
  let lastBusy: number | null = null;
  let lastOwn = 0;
  let lastAt = 0;
  return () => {
    const busy = busySeconds();
    const own = process.cpuUsage();
    const ownSeconds = (own.user + own.system) / 1e6;
    const at = performance.now() / 1000;
    const seconds = at - lastAt;
    const others = busy === null || lastBusy === null ? null : busy - lastBusy - (ownSeconds - lastOwn);
    lastBusy = busy;
    lastOwn = ownSeconds;
    lastAt = at;
    return others === null || seconds <= 0 ? null : Math.max(0, others / seconds);
  };
}

function busySeconds(): number | null {
  try {
    const [first] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
    const [user, nice, system, , , irq, softIrq, steal] = (first ?? '').split(/\s+/).slice(1).map(Number);
    const ticks = [user, nice, system, irq, softIrq, steal].reduce<number>(
      (sum, value) => sum + (value ?? 0),
      0,
    );
    return ticks / ticksPerSecond;
  } catch {
    return null;
  }
}
