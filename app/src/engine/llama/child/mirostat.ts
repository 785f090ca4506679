import { drawAt } from './random.ts';
import type { TopCandidates } from './top-candidates.ts';

export interface MirostatSettings {
  version: 1 | 2;
  /** The surprise aimed at, in bits. */
  tau: number;
  /** How fast it is steered. */
  eta: number;
  temperature: number;
}

/** So many of the likeliest tell how steeply the distribution falls (version 1). */
const observedRanks = 100;
/** Candidates looked at first; usually they are all. */
const firstLook = 512;

/**
 * Keeps the surprise of an answer near a goal: what was drawn last was more surprising than it, or less, and so fewer
 * or more tokens may be drawn next (Basu et al. 2021). Version 1 estimates how many from Zipf's law, version 2 leaves
 * out every token that would surprise more than the bound. An answer that is gone on with starts steering anew.
 */
export class Mirostat {
  readonly #settings: MirostatSettings;
  #scaled = new Float32Array(0);
  #bound: number;
  /** The bound after the token picked last, if that one is taken. */
  #next: number;

  constructor(settings: MirostatSettings) {
    this.#settings = settings;
    this.#bound = 2 * settings.tau;
    this.#next = this.#bound;
  }

  pick(row: Float32Array, candidates: TopCandidates, draw: { seed: number; position: number }): number {
    candidates.read(this.#scale(row));
    candidates.select(this.#settings.version === 1 ? observedRanks : 1);
    const best = candidates.logits[0] ?? Number.NaN;
    // Not a number where the row is broken or all is banned: nothing is left, and the caller says so.
    const mass = candidates.massOfAll(best);
    if (this.#settings.version === 1) candidates.select(this.#mostCandidates(candidates, row.length));
    else this.#selectBelowBound(candidates, best, mass);
    return this.#draw(candidates, drawAt(draw.seed, draw.position));
  }

  /** The token that was picked is the next one of the answer. */
  take(): void {
    this.#bound = this.#next;
  }

  #scale(row: Float32Array): Float32Array {
    if (this.#scaled.length !== row.length) this.#scaled = new Float32Array(row.length);
    for (let id = 0; id < row.length; id++) this.#scaled[id] = row[id]! / this.#settings.temperature;
    return this.#scaled;
  }

  /** Version 1: the exponent of Zipf's law from the likeliest, and from it the rank that the bound stands for. */
  #mostCandidates({ logits, length }: TopCandidates, vocabularySize: number): number {
    let top = 0;
    let bottom = 0;
    for (let rank = 0; rank + 1 < Math.min(observedRanks, length); rank++) {
      const step = Math.log((rank + 2) / (rank + 1));
      const fall = logits[rank]! - logits[rank + 1]!;
      if (!Number.isFinite(fall)) break;
      top += step * fall;
      bottom += step * step;
    }
    const exponent = bottom > 0 ? top / bottom : 1;
    const excess = exponent - 1;
    const count = ((excess * 2 ** this.#bound) / (1 - vocabularySize ** -excess)) ** (1 / exponent);
    return Number.isFinite(count) ? Math.min(vocabularySize, Math.max(1, Math.floor(count))) : vocabularySize;
  }

  /** Version 2. The best stays in any case. */
  #selectBelowBound(candidates: TopCandidates, best: number, mass: number): void {
    const floor = best + Math.log(mass) - this.#bound * Math.LN2;
    if (!(floor < best)) return;
    candidates.select(firstLook, floor);
    if (candidates.length === firstLook) candidates.select(Number.POSITIVE_INFINITY, floor);
  }

  #draw({ ids, logits, length }: TopCandidates, chance: number): number {
    const best = logits[0]!;
    let mass = 0;
    for (let index = 0; index < length; index++) mass += Math.exp(logits[index]! - best);
    let index = 0;
    for (
      let sum = Math.exp(0);
      index + 1 < length && chance * mass >= sum;
      sum += Math.exp(logits[index]! - best)
    )
      index++;
    const surprise = (Math.log(mass) - (logits[index]! - best)) / Math.LN2;
    this.#next = this.#bound - this.#settings.eta * (surprise - this.#settings.tau);
    return ids[index]!;
  }
}
