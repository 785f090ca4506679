import { performance } from 'node:perf_hooks';
import type { NativeContext } from './context.ts';
import type { Sequence, Sequences } from './sequences.ts';
import type { Snapshots } from './snapshots.ts';
import { maxStateBytes } from './snapshot-file.ts';
import type { StoredState } from './task.ts';

/** A chat is idle when nobody wrote in it for this long. */
const idleAfterMs = 10_000;
const lookEveryMs = 2000;
/** A disk that did not take a state is not asked again at once. */
const triesAgainAfterMs = 60_000;
/** Shorter states are read anew as fast as they are restored. */
const worthwhileTokens = 32;

export interface ChatStatesOptions {
  context: NativeContext;
  sequences: Sequences;
  snapshots: Snapshots;
  isBusy: () => boolean;
}

/** Keeps the KV states of chats on disk, so that a restart or an eviction costs them nothing. */
export class ChatStates {
  readonly #options: ChatStatesOptions;
  readonly #idleSince = new WeakMap<Sequence, { length: number; at: number }>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: ChatStatesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#saveOneIdle(), lookEveryMs);
  }

  isKept(sequence: Sequence): boolean {
    return sequence.stateKey !== null && sequence.savedLength >= sequence.tokens.length;
  }

  /** Whether the disk holds it, or may. Short ones need not be kept. */
  canKeep(sequence: Sequence): boolean {
    const { context, snapshots } = this.#options;
    if (sequence.tokens.length < worthwhileTokens || this.isKept(sequence)) return true;
    return context.stateBytes(sequence.id) <= Math.min(maxStateBytes, snapshots.budgetBytes);
  }

  /** What lies on disk for a chat, if that is more than what memory holds of it. */
  async find(stateKey: string, adapterKey: string): Promise<StoredState | null> {
    const { sequences, snapshots } = this.#options;
    const isInMemory = sequences.ofChat(stateKey).some((sequence) => sequence.adapterKey === adapterKey);
    return isInMemory ? null : snapshots.read(stateKey, adapterKey);
  }

  /** Copies the state now and writes it behind; not where the disk is behind already. `usedMs`: when it was last used. */
  save(sequence: Sequence, usedMs = Date.now()): Promise<boolean> {
    const { context, snapshots } = this.#options;
    const { stateKey, adapterKey, tokens, transcript } = sequence;
    const isWorthwhile = tokens.length >= worthwhileTokens;
    if (stateKey === null || sequence.ephemeral || !isWorthwhile || this.isKept(sequence)) {
      return Promise.resolve(this.isKept(sequence));
    }
    // Asked before the state is copied.
    if (snapshots.isBehind || !this.canKeep(sequence)) return Promise.resolve(false);
    const state = context.saveState(sequence.id);
    if (state.length === 0) {
      context.forgetState(state);
      return Promise.resolve(false);
    }
    const { length } = tokens;
    const before = sequence.savedLength;
    sequence.savedLength = length;
    return snapshots
      .save(stateKey, adapterKey, { ids: tokens.view().slice(), state, transcript }, usedMs)
      .then((isSaved) => {
        if (!isSaved && sequence.savedLength === length) this.#wasNotSaved(sequence, before);
        return isSaved;
      })
      .finally(() => context.forgetState(state));
  }

  #wasNotSaved(sequence: Sequence, savedLength: number): void {
    sequence.savedLength = savedLength;
    const at = performance.now() + triesAgainAfterMs - idleAfterMs;
    this.#idleSince.set(sequence, { length: sequence.tokens.length, at });
  }

  /**
   * Saves every chat that is not in use, the one used last first, since the process may be ended before it is through;
   * how many there were. Each is copied when the one before it is on the disk: the copies of all of them are as large as
   * the cache, and a model often has to leave because memory is short.
   */
  async saveAll(): Promise<number> {
    clearInterval(this.#timer);
    const { sequences, snapshots } = this.#options;
    await snapshots.settle();
    let saved = 0;
    let usedMs = Date.now();
    for (const sequence of sequences.all().toSorted((a, b) => b.lastUsed - a.lastUsed)) {
      if (sequence.isInUse || this.isKept(sequence)) continue;
      if (await this.save(sequence, usedMs--)) saved++;
    }
    return saved;
  }

  #saveOneIdle(): void {
    const { sequences, isBusy } = this.#options;
    const now = performance.now();
    for (const sequence of sequences.all()) {
      const { length } = sequence.tokens;
      if (sequence.isInUse || sequence.stateKey === null || this.isKept(sequence)) continue;
      const seen = this.#idleSince.get(sequence);
      if (seen === undefined || seen.length !== length) {
        this.#idleSince.set(sequence, { length, at: now });
      } else if (now - seen.at >= idleAfterMs && !isBusy()) {
        this.#idleSince.delete(sequence);
        void this.save(sequence);
        return;
      }
    }
  }
}
