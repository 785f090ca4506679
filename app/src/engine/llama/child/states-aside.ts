import type { NativeContext } from './context.ts';
import type { Sequence } from './sequences.ts';
import type { StoredState, Task } from './task.ts';
import type { Transcript } from './transcript.ts';

/** About 12,000 tokens of a model of 1 B, 500 of one of 7 B. */
const mostBytes = 256 * 1024 * 1024;
/** Shorter states are read anew as fast as they are put back. */
const worthwhileTokens = 32;

interface Aside extends StoredState {
  stateKey: string | null;
  adapterKey: string;
}

/**
 * States that had to leave the cache and must not, or need not, lie on disk: of temporary chats, and of requests that
 * belong to no chat. The oldest are forgotten when there are too many.
 */
export class StatesAside {
  readonly #context: NativeContext;
  readonly #maxBytes: number;
  /** The oldest first. */
  #all: Aside[] = [];

  constructor(context: NativeContext, maxBytes = mostBytes) {
    this.#context = context;
    this.#maxBytes = maxBytes;
  }

  /** The newest first. */
  transcripts(stateKey: string | null, adapterKey: string): Transcript[] {
    return this.#all
      .filter((aside) => aside.stateKey === stateKey && aside.adapterKey === adapterKey)
      .flatMap(({ transcript }) => transcript ?? [])
      .toReversed();
  }

  /** Short ones need not be kept. */
  canKeep({ id, tokens }: Sequence): boolean {
    return tokens.length < worthwhileTokens || this.#context.stateBytes(id) <= this.#maxBytes;
  }

  put({ id, tokens, stateKey, adapterKey, transcript, isParked }: Sequence): void {
    const bytes = this.#context.stateBytes(id);
    if (isParked || tokens.length < worthwhileTokens || bytes > this.#maxBytes) return;
    if (stateKey !== null) this.drop(stateKey);
    // Before it is copied, so that the copy lies where an old one was.
    while (this.#all.length > 0 && this.#bytes() + bytes > this.#maxBytes) this.#forget(this.#all[0]!);
    const state = this.#context.saveState(id);
    if (state.length === 0) return this.#context.forgetState(state);
    this.#all.push({ ids: tokens.view().slice(), state, transcript, stateKey, adapterKey });
  }

  /** The one with the longest beginning in common with what is to be read. */
  find({ stateKey, adapters, target }: Task): Aside | null {
    let best: { aside: Aside; length: number } | null = null;
    for (const aside of this.#all) {
      if (aside.stateKey !== stateKey || aside.adapterKey !== adapters.key) continue;
      const length = target.commonStart(aside.ids);
      if (length >= worthwhileTokens && length > (best?.length ?? 0)) best = { aside, length };
    }
    return best?.aside ?? null;
  }

  /** Puts one back into the cache. Others may be set aside meanwhile for its sake, but not where it lies. */
  putBack<Restored>(aside: Aside, restore: () => Restored | null): Restored | null {
    this.#all = this.#all.filter((other) => other !== aside);
    const restored = restore();
    if (restored === null) this.#all.push(aside);
    else this.#context.forgetState(aside.state);
    return restored;
  }

  /** Null: all. */
  drop(stateKey: string | null): void {
    const going = this.#all.filter((aside) => stateKey === null || aside.stateKey === stateKey);
    for (const aside of going) this.#forget(aside);
  }

  #forget(aside: Aside): void {
    this.#all = this.#all.filter((other) => other !== aside);
    this.#context.forgetState(aside.state);
  }

  #bytes(): number {
    return this.#all.reduce((sum, { state }) => sum + state.buffer.byteLength, 0);
  }
}
