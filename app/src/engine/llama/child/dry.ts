import type { Vocabulary } from './vocabulary.ts';

export interface DrySettings {
  multiplier: number;
  base: number;
  allowedLength: number;
  /** Tokens looked back; 0 is off. */
  window: number;
  breakers: readonly string[];
}

/** A cost beyond this bans a token anyway. */
const mostCost = 1e6;
/** What was said and is far outside the window is forgotten in one go. */
const spareTokens = 4096;

/**
 * "Don't repeat yourself": a token costs more the longer the repetition would be that it goes on with. It looks where
 * the last tokens stood before, and at what came next there.
 */
export class Dry {
  readonly #settings: DrySettings;
  readonly #vocabulary: Vocabulary;
  /** Byte for byte as text of one character each, so that a breaker may lie across tokens and characters. */
  readonly #breakers: readonly string[];
  readonly #longestBreaker: number;
  /** Longer repetitions cost no more. */
  readonly #longestRepetition: number;
  readonly #seen: number[] = [];
  #end = '';
  /** How many tokens there are after the last breaker. */
  #unbroken = 0;

  constructor(settings: DrySettings, vocabulary: Vocabulary) {
    this.#settings = settings;
    this.#vocabulary = vocabulary;
    this.#breakers = settings.breakers.map((text) => Buffer.from(text, 'utf8').toString('latin1'));
    const growing = Math.log(mostCost / settings.multiplier) / Math.log(settings.base);
    this.#longestRepetition = settings.allowedLength + (Number.isFinite(growing) ? Math.ceil(growing) : 0);
    this.#longestBreaker = Math.max(0, ...this.#breakers.map((text) => text.length));
  }

  get isActive(): boolean {
    const { multiplier, base, window } = this.#settings;
    return multiplier > 0 && base >= 1 && window > 0;
  }

  /** Takes in a token of the prompt or the answer. */
  see(id: number): void {
    if (!this.isActive) return;
    this.#seen.push(id);
    if (this.#seen.length > this.#settings.window + spareTokens) this.#seen.splice(0, spareTokens);
    this.#unbroken = this.#isBrokenBy(id) ? 0 : this.#unbroken + 1;
  }

  apply(row: Float32Array): void {
    if (!this.isActive) return;
    const { multiplier, base, allowedLength } = this.#settings;
    for (const [id, length] of this.#repetitions()) {
      const cost = multiplier * base ** (length - allowedLength);
      row[id] = row[id]! - Math.min(mostCost, cost);
    }
  }

  /** For each token that would go on with one: the length of the longest repetition so far. */
  #repetitions(): Map<number, number> {
    const seen = this.#seen;
    const last = seen.length - 1;
    const first = Math.max(0, seen.length - this.#settings.window);
    const longest = new Map<number, number>();
    const { allowedLength } = this.#settings;
    const most = Math.min(this.#unbroken, last - first, Math.max(1, this.#longestRepetition));
    if (most < Math.max(1, allowedLength)) return longest;
    const shared = measureSharedEnds(seen, first);
    for (let end = first; end < last; end++) {
      const length = Math.min(most, shared[last - end]!);
      if (length === 0 || length < allowedLength) continue;
      const next = seen[end + 1]!;
      if (length > (longest.get(next) ?? 0)) longest.set(next, length);
    }
    return longest;
  }

  #isBrokenBy(id: number): boolean {
    if (this.#longestBreaker === 0) return false;
    const piece = Buffer.from(this.#vocabulary.specialPiece(id)).toString('latin1');
    const before = this.#end.length;
    const text = this.#end + piece;
    this.#end = text.slice(-this.#longestBreaker);
    // One that ended before this token was found then.
    return this.#breakers.some((breaker) => text.includes(breaker, Math.max(0, before - breaker.length + 1)));
  }
}

/** What `measureSharedEnds` found; applying is synchronous, so one is enough. */
let sharedEnds = new Int32Array(1024);

/**
 * For each distance from the last token: how many tokens that end there are the same as the last ones. The Z-function
 * from the end on, so that the time is linear also where everything repeats itself.
 */
function measureSharedEnds(tokens: readonly number[], first: number): Int32Array {
  const last = tokens.length - 1;
  const count = tokens.length - first;
  if (sharedEnds.length < count) sharedEnds = new Int32Array(2 * count);
  // Distances from `near` up to `far` are known to hold what stands `near` tokens later.
  let near = 0;
  let far = 0;
  for (let back = 1; back < count; back++) {
    let length = back < far ? Math.min(far - back, sharedEnds[back - near]!) : 0;
    while (back + length < count && tokens[last - length] === tokens[last - back - length]) length++;
    sharedEnds[back] = length;
    if (back + length <= far) continue;
    near = back;
    far = back + length;
  }
  return sharedEnds;
}
