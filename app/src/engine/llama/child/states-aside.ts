import type { NativeContext } from './context.ts';
import type { Sequence } from './sequences.ts';
import type { StoredState, Task } from './task.ts';
import type { Transcript } from './transcript.ts';

/** About 12,000 tokens of a model of 1 B, 500 of one of 7 B. */
const maxBytes = 256 * 1024 * 1024;
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
  /** The oldest first. */
  #all: Aside[] = [];

  constructor(context: NativeContext) {
    this.#context = context;
  }

  /** The newest first. */
  transcripts(stateKey: string | null, adapterKey: string): Transcript[] {
    return this.#all
      .filter((aside) => aside.stateKey === stateKey && aside.adapterKey === adapterKey)
      .flatMap(({ transcript }) => transcript ?? [])
      .toReversed();
  }

  put({ id, tokens, stateKey, adapterKey, transcript, isParked }: Sequence): void {
    if (isParked || tokens.length < worthwhileTokens || this.#context.stateBytes(id) > maxBytes) return;
    const state = this.#context.saveState(id);
    if (state.length === 0) return;
    if (stateKey !== null) this.drop(stateKey);
    this.#all.push({ ids: tokens.view().slice(), state, transcript, stateKey, adapterKey });
    while (this.#bytes() > maxBytes) this.#all.shift();
  }

  /** The one with the longest beginning in common with what is to be read. */
  find({ stateKey, adapters, target }: Task): StoredState | null {
    let best: { aside: Aside; length: number } | null = null;
    for (const aside of this.#all) {
      if (aside.stateKey !== stateKey || aside.adapterKey !== adapters.key) continue;
      const length = target.commonStart(aside.ids);
      if (length >= worthwhileTokens && length > (best?.length ?? 0)) best = { aside, length };
    }
    return best?.aside ?? null;
  }

  /** It is in the cache again. */
  forget(state: StoredState): void {
    this.#all = this.#all.filter((aside) => aside !== state);
  }

  drop(stateKey: string): void {
    this.#all = this.#all.filter((aside) => aside.stateKey !== stateKey);
  }

  #bytes(): number {
    return this.#all.reduce((sum, { state }) => sum + state.length, 0);
  }
}
