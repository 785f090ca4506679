import type { ThreadTime } from './measure-threads.ts';
import type { Sequence, Sequences } from './sequences.ts';
import type { Task } from './task.ts';

/** What a head takes to look at a cell of somebody else's and to pass it by; measured on Zen 5 with flash attention. */
const msPerPassedCell = 1.2e-6;
/** So much longer may a token take for the sake of chats that nobody writes in just now, … */
const bearableShare = 0.02;
/** … where their states are small; to copy and check large ones costs more than it spares the answers between. */
const bearableShareOfLarge = 0.05;
const largeCellBytes = 192 * 1024;
/**
 * So many chats that nothing can keep stay: two that go to and fro would read each other away. More would slow down
 * everybody's answers for good.
 */
const mostProtected = 2;
/** A short chat or two stay in any case. */
const fewestCells = 512;

/** How many cells of idle chats the cache may hold beside chats that are being answered. */
export function idleCellAllowance(
  { heads, cellBytes }: { heads: number; cellBytes: number },
  times: readonly ThreadTime[],
): number {
  const tokenMs = Math.min(...times.map((time) => time.tokenMs));
  const share = cellBytes < largeCellBytes ? bearableShare : bearableShareOfLarge;
  const cells = (tokenMs * share) / (heads * msPerPassedCell);
  return Number.isFinite(cells) ? Math.max(fewestCells, Math.floor(cells)) : Number.POSITIVE_INFINITY;
}

export interface IdleCellsOptions {
  sequences: Sequences;
  allowance: number;
  /** Somebody who waits is about to go on from this one. */
  isAwaited: (sequence: Sequence) => boolean;
  /** Whether it would come back by a copy: to read one anew costs far more than its cells. */
  canKeep: (sequence: Sequence) => boolean;
  /** So much is on its way to the disk that another state would be lost; there is no hurry here. */
  isDiskBehind: () => boolean;
  onEvict: () => void;
}

/**
 * All chats share one cache, and on a processor each token of each answer passes by all cells of all chats: about a
 * twentieth of a token's time for each thousand. So chats that nobody writes in are set aside, the least recently used
 * first; they come back by a copy, in a small part of the time that reading them anew would take.
 *
 * Empty cells are passed by as well, up to the last one that holds anything. After many chats at once the few that stay
 * lie scattered up to there: then all go that something can keep, and come back to the beginning of the cache. The last one that is being
 * answered holds its own cells until it ends, so that is when to look again.
 */
export class IdleCells {
  readonly #options: IdleCellsOptions;
  /** The cells up to which there may be anything, as far as setting chats aside can change it. */
  #reach = 0;

  constructor(options: IdleCellsOptions) {
    this.#options = options;
  }

  /** Sets one chat aside where there are too many: copying a state takes as long as a step or two. True: look again. */
  trim(active: readonly Task[]): boolean {
    if (active.length === 0 || !this.#isTooMuch()) return false;
    const { isAwaited, isDiskBehind } = this.#options;
    if (isDiskBehind()) return true;
    return this.#setAside((sequence) => isIdle(sequence) && !isAwaited(sequence));
  }

  /**
   * Nobody is being answered any more: sets one chat aside where there are too many. The last one stays, unless they
   * lie scattered: it is in nobody's way until somebody else asks. True: look again.
   */
  rest(): boolean {
    const { sequences, isDiskBehind } = this.#options;
    if (isDiskBehind()) return this.#isTooMuch();
    if (this.#isScattered()) {
      if (!this.#setAside(isIdle)) this.#reach = sequences.cells();
      return true;
    }
    const last = Math.max(...sequences.all().map(({ lastUsed }) => lastUsed));
    return this.#isTooMuch() && this.#setAside((sequence) => isIdle(sequence) && sequence.lastUsed < last);
  }

  #isTooMuch(): boolean {
    const { sequences, allowance } = this.#options;
    if (this.#isScattered()) return true;
    if (sequences.cells(isIdle) <= allowance) return false;
    const protectedOnes = this.#unkeepable();
    return sequences.cells((sequence) => isIdle(sequence) && !protectedOnes.has(sequence)) > allowance;
  }

  /** The last used of those that nothing can keep. */
  #unkeepable(): ReadonlySet<Sequence> {
    const { sequences, canKeep } = this.#options;
    const lost = sequences.all().filter((sequence) => isIdle(sequence) && !canKeep(sequence));
    return new Set(lost.toSorted((a, b) => b.lastUsed - a.lastUsed).slice(0, mostProtected));
  }

  #isScattered(): boolean {
    const { sequences, allowance } = this.#options;
    const held = sequences.cells();
    this.#reach = Math.max(this.#reach, held);
    return this.#reach - held > allowance;
  }

  #setAside(mayGo: (sequence: Sequence) => boolean): boolean {
    const { sequences, onEvict } = this.#options;
    const protectedOnes = this.#unkeepable();
    const isEvicted = sequences.evictOne((sequence) => mayGo(sequence) && !protectedOnes.has(sequence));
    if (isEvicted) onEvict();
    return isEvicted;
  }
}

function isIdle(sequence: Sequence): boolean {
  return !sequence.isInUse && !sequence.isParked;
}
