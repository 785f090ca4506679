import { lentSequence, type NativeContext } from './context.ts';
import { TokenList } from './token-list.ts';
import type { Transcript } from './transcript.ts';

/** The library's own limit of a unified cache; a memory that cannot be cut has a place for each slot instead. */
export const maxSequences = 250;
/** Prefixes kept for everybody; they cost no memory while somebody else holds the same tokens. */
const maxParked = 8;

/** What the KV cache holds under one sequence id. */
export interface Sequence {
  readonly id: number;
  /** Tokens whose state is in the cache, in order. */
  readonly tokens: TokenList;
  /** So many of the first ones lie in cells that `sharedWith` holds too, and count there. */
  sharedLength: number;
  sharedWith: Sequence | null;
  /** State computed under one set of adapters is wrong under another. */
  readonly adapterKey: string;
  /** The chat whose state this is; null: a parked prefix, or nobody's once its request has ended. */
  stateKey: string | null;
  ephemeral: boolean;
  isParked: boolean;
  isInUse: boolean;
  lastUsed: number;
  /** Tokens that the copy on disk holds. */
  savedLength: number;
  /** The prompt and the answer as text, to know one's own answer again; see transcript.ts. */
  transcript: Transcript | null;
}

export interface NewSequence {
  adapterKey: string;
  stateKey: string | null;
  ephemeral: boolean;
}

/** All sequences of a context. Eviction takes the least recently used that is idle; `onEvict` may save it first. */
export class Sequences {
  readonly #context: NativeContext;
  readonly #onEvict: (sequence: Sequence) => void;
  readonly #all = new Map<number, Sequence>();
  readonly #free: number[];
  #clock = 0;

  constructor(context: NativeContext, onEvict: (sequence: Sequence) => void, most = maxSequences) {
    this.#context = context;
    this.#onEvict = onEvict;
    this.#free = Array.from({ length: most }, (_, index) => lentSequence + most - index);
  }

  get size(): number {
    return this.#all.size;
  }

  get parked(): Sequence[] {
    return this.all().filter((sequence) => sequence.isParked);
  }

  all(): Sequence[] {
    return [...this.#all.values()];
  }

  /** Cells of the cache that hold something; what several begin with lies there once. */
  cells(of = (_sequence: Sequence): boolean => true): number {
    const held = this.all().filter(of);
    return held.reduce((sum, { tokens, sharedLength }) => sum + tokens.length - sharedLength, 0);
  }

  ofChat(stateKey: string): Sequence[] {
    return this.all().filter((sequence) => sequence.stateKey === stateKey);
  }

  create(options: NewSequence): Sequence {
    const id = this.#freeId(() => true);
    if (id === undefined) throw new Error('all sequences are in use');
    return this.#add(id, options);
  }

  /**
   * One that begins with the first tokens of `source`. Where every other is in use, an idle source has to leave the
   * cache for its sake, and becomes it.
   */
  branch(source: Sequence, length: number, options: NewSequence): Sequence {
    const id = this.#freeId((other) => other !== source);
    if (id === undefined) return this.#takeOver(source, length, options);
    const sequence = this.#add(id, options);
    this.#copy(source, sequence, length);
    return sequence;
  }

  #freeId(mayGo: (sequence: Sequence) => boolean): number | undefined {
    if (this.#free.length === 0) this.evictOne(mayGo);
    return this.#free.pop();
  }

  #add(id: number, options: NewSequence): Sequence {
    const sequence: Sequence = {
      id,
      tokens: new TokenList(),
      sharedLength: 0,
      sharedWith: null,
      ...options,
      isParked: false,
      isInUse: false,
      lastUsed: ++this.#clock,
      savedLength: 0,
      transcript: null,
    };
    this.#all.set(id, sequence);
    return sequence;
  }

  #takeOver(source: Sequence, length: number, { stateKey, ephemeral }: NewSequence): Sequence {
    if (source.isInUse) throw new Error('all sequences are in use');
    this.#onEvict(source);
    Object.assign(source, { stateKey, ephemeral, isParked: false, savedLength: 0, transcript: null });
    this.truncate(source, length);
    return source;
  }

  touch(sequence: Sequence): void {
    sequence.lastUsed = ++this.#clock;
  }

  /** Cuts a sequence back. Where the model's memory cannot be cut there, all of it goes. */
  truncate(sequence: Sequence, length: number): void {
    if (length >= sequence.tokens.length && length >= this.#context.lengthOf(sequence.id)) return;
    const isCut = length > 0 && this.#context.truncate(sequence.id, length);
    if (!isCut) this.#context.truncate(sequence.id, 0);
    this.#forget(sequence, isCut ? length : 0);
  }

  /** Gives `target`, which must be empty, the first tokens of `source`. */
  #copy(source: Sequence, target: Sequence, length: number): void {
    this.#context.copy(source.id, target.id, length);
    target.tokens.append(source.tokens.view().subarray(0, length));
    share(target, source, length);
    this.touch(source);
  }

  drop(sequence: Sequence): void {
    if (!this.#all.delete(sequence.id)) return;
    this.#context.truncate(sequence.id, 0);
    this.#forget(sequence, 0);
    this.#free.push(sequence.id);
  }

  /** Frees one idle sequence; false where there is none that may go. */
  evictOne(mayGo: (sequence: Sequence) => boolean): boolean {
    const idle = this.all().filter((sequence) => !sequence.isInUse && mayGo(sequence));
    const oldest = idle.sort((a, b) => Number(a.isParked) - Number(b.isParked) || a.lastUsed - b.lastUsed)[0];
    if (oldest === undefined) return false;
    this.#onEvict(oldest);
    this.drop(oldest);
    return true;
  }

  /** Keeps a prefix that several chats begin with, whatever becomes of them; if there is a place for it. */
  park(source: Sequence, length: number): void {
    const { parked } = this;
    const isKnown = parked.some(
      (sequence) =>
        sequence.adapterKey === source.adapterKey && sequence.tokens.commonPrefix(source.tokens) >= length,
    );
    if (isKnown) return;
    if (parked.length >= maxParked) {
      this.drop(parked.reduce((oldest, next) => (next.lastUsed < oldest.lastUsed ? next : oldest)));
    }
    const id = this.#freeId((other) => other !== source);
    if (id === undefined) return;
    const sequence = this.#add(id, { adapterKey: source.adapterKey, stateKey: null, ephemeral: true });
    sequence.isParked = true;
    this.#copy(source, sequence, length);
  }

  /** The cache does not hold more than this of a sequence any more. */
  #forget(sequence: Sequence, length: number): void {
    this.#leaveToCopies(sequence, length);
    sequence.tokens.truncate(length);
    sequence.savedLength = Math.min(sequence.savedLength, length);
    share(sequence, sequence.sharedWith, Math.min(sequence.sharedLength, length));
  }

  /** What its copies hold of the rest stays in the cache, and counts for the one that holds the most of it. */
  #leaveToCopies(source: Sequence, length: number): void {
    const copies = this.all().filter((copy) => copy.sharedWith === source && copy.sharedLength > length);
    if (copies.length === 0) return;
    const heir = copies.reduce((most, next) => (next.sharedLength > most.sharedLength ? next : most));
    for (const copy of copies) copy.sharedWith = heir;
    // A part of it may lie in cells that the source itself has from another.
    if (source.sharedLength <= length) share(heir, source, length);
    else share(heir, source.sharedWith, Math.min(heir.sharedLength, source.sharedLength));
  }
}

function share(sequence: Sequence, other: Sequence | null, length: number): void {
  sequence.sharedLength = length;
  sequence.sharedWith = length === 0 ? null : other;
}
