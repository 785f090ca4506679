import type { NativeContext } from './context.ts';
import type { Counters } from './counters.ts';
import type { NewSequence, Sequence, Sequences } from './sequences.ts';
import type { StatesAside } from './states-aside.ts';
import type { StoredState, Task } from './task.ts';

/** Fewer shared tokens than this are not worth waiting for. */
const worthwhileTokens = 24;
/** Nor is a copy, below this: every prompt shares its first token with every other. */
const copiedTokens = 8;
/** A prefix shared by two chats is kept for a third from this length on. */
const parkedTokens = 48;

export interface PrefixReuseOptions {
  context: NativeContext;
  sequences: Sequences;
  counters: Counters;
  aside: StatesAside;
  /** Whether a state can be cut back to any length; recurrent models can only be gone on with. */
  canTrim: boolean;
  kvTokens: number;
  /** Gives up an idle state; false where none may go. */
  makeRoom: () => boolean;
}

interface Donor {
  sequence: Sequence;
  length: number;
}

/**
 * Chooses, at the moment a task begins to read, what of its prompt need not be read: its own chat's state, the start
 * of another's, a parked prefix, or a state from disk. While somebody is reading the same prefix the task waits.
 */
export class PrefixReuse {
  readonly #options: PrefixReuseOptions;

  constructor(options: PrefixReuseOptions) {
    this.#options = options;
  }

  /** Gives the task a sequence that holds as much of its prompt as there is; false: wait for another reader. */
  start(task: Task, active: readonly Task[]): boolean {
    const best = this.#bestDonor(task);
    if (this.#mustWait(task, active, best.length)) return false;
    const { sequences, counters } = this.#options;
    // The donor is chosen again, because making room for a restored state may have taken it.
    const sequence = this.#restored(task, best.length) ?? this.#fromDonor(task, this.#bestDonor(task));
    sequence.isInUse = true;
    sequence.stateKey = task.stateKey;
    sequence.ephemeral = task.ephemeral;
    sequences.touch(sequence);
    task.sequence = sequence;
    task.stored = null;
    task.cachedTokens = sequence.tokens.length;
    counters.cachedTokens += sequence.tokens.length;
    return true;
  }

  #restored(task: Task, besides: number): Sequence | null {
    const { sequences, counters, aside } = this.#options;
    const fromMemory = task.stored === null ? aside.find(task) : null;
    const stored = task.stored ?? fromMemory;
    if (stored === null) return null;
    const limit = Math.min(stored.ids.length, task.target.length);
    let length = 0;
    while (length < limit && stored.ids[length] === task.target.at(length)) length++;
    if (this.#usable(length, stored.ids.length, task) < besides + worthwhileTokens) return null;
    const restore = (): Sequence | null => this.#putIntoCache(task, stored);
    const sequence = fromMemory === null ? restore() : aside.putBack(fromMemory, restore);
    if (sequence === null) return null;
    sequence.tokens.append(stored.ids);
    sequence.savedLength = stored.ids.length;
    sequence.transcript = stored.transcript;
    sequences.truncate(sequence, this.#usable(length, stored.ids.length, task));
    if (fromMemory === null) counters.snapshotsRestored++;
    counters.restoredTokens += sequence.tokens.length;
    return sequence;
  }

  #putIntoCache(task: Task, { state, ids }: StoredState): Sequence | null {
    const { context, sequences, kvTokens, makeRoom } = this.#options;
    const sequence = this.#create(task);
    sequence.isInUse = true;
    while (!context.restoreState(sequence.id, state)) {
      // Where there is room enough, this state cannot be read back, whoever else goes.
      const isForRoom = sequences.cells() + ids.length > kvTokens;
      if (isForRoom && makeRoom()) continue;
      sequences.drop(sequence);
      return null;
    }
    return sequence;
  }

  #fromDonor(task: Task, best: Donor | { sequence: null; length: number }): Sequence {
    const { sequences, counters } = this.#options;
    if (best.sequence === null) return this.#create(task);
    const donor = best.sequence;
    const isOwn = isOwnState(donor, task, best.length);
    if (!isOwn && best.length < copiedTokens) return this.#create(task);
    if (isOwn) {
      sequences.truncate(donor, best.length);
      return donor;
    }
    const sequence = sequences.branch(donor, best.length, identityOf(task));
    counters.copiedTokens += best.length;
    if (best.length >= parkedTokens && task.stateKey !== null && !task.ephemeral && this.#options.canTrim) {
      sequences.park(sequence, best.length);
    }
    return sequence;
  }

  #create(task: Task): Sequence {
    return this.#options.sequences.create(identityOf(task));
  }

  #bestDonor(task: Task): Donor | { sequence: null; length: number } {
    let best: Donor | { sequence: null; length: number } = { sequence: null, length: 0 };
    for (const sequence of this.#options.sequences.all()) {
      if (sequence.adapterKey !== task.adapters.key) continue;
      const common = sequence.tokens.commonPrefix(task.target);
      const length = this.#usable(common, sequence.tokens.length, task);
      const isOwn = isOwnState(sequence, task, common);
      if (length > best.length || (length > 0 && length === best.length && isOwn))
        best = { sequence, length };
    }
    return best;
  }

  #usable(common: number, held: number, task: Task): number {
    const length = Math.min(common, unreadAt(task));
    return this.#options.canTrim || length === held ? length : 0;
  }

  #mustWait(task: Task, active: readonly Task[], have: number): boolean {
    return active.some((other) => {
      if (other === task || other.phase !== 'reading' || other.sequence === null) return false;
      if (other.adapters.key !== task.adapters.key || !this.#options.canTrim) return false;
      const common = Math.min(other.target.commonPrefix(task.target), unreadAt(task));
      return common - have >= worthwhileTokens && other.sequence.tokens.length < common;
    });
  }
}

function identityOf({ adapters, stateKey, ephemeral }: Task): NewSequence {
  return { adapterKey: adapters.key, stateKey, ephemeral };
}

/** From here on all is read for its rows: the last token of a prompt, of a text that is looked at every one. */
function unreadAt({ work, target }: Task): number {
  return work.kind === 'read' ? work.from : target.length - 1;
}

/** A chat's own state is cut back and gone on with; a nameless one only where all of it is gone on with. */
function isOwnState(sequence: Sequence, task: Task, common: number): boolean {
  if (sequence.isInUse || sequence.isParked || sequence.stateKey !== task.stateKey) return false;
  return task.stateKey !== null || common >= sequence.tokens.length;
}
