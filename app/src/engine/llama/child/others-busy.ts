/** A core counts as taken from this share on. */
const takenShare = 0.6;

/**
 * What other programs do with the cores, in windows of time that end with each look. One busy window says little: our
 * own server was busy with the question, or a compiler with the server.
 */
export class OthersBusy {
  /** Cores kept busy since it was last asked; null where that cannot be known. */
  readonly #since: () => number | null;
  #last: number | null = 0;
  #before = 0;

  constructor(since: () => number | null) {
    this.#since = since;
    since();
  }

  look(): void {
    this.#before = this.#last ?? 0;
    this.#last = this.#since();
  }

  /** The next window begins now. */
  skip(): void {
    this.#since();
  }

  forget(): void {
    this.#last = 0;
    this.#before = 0;
  }

  /** Cores that were taken in two windows. */
  get taken(): number {
    return wholeCores(Math.min(this.#last ?? 0, this.#before));
  }

  /** Cores that were taken in one of them or the other. */
  get everTaken(): number {
    return wholeCores(Math.max(this.#last ?? 0, this.#before));
  }

  get wasCalm(): boolean {
    return (this.#last ?? 0) < takenShare / 2;
  }

  /** For two windows, as far as the system tells. */
  get areGone(): boolean {
    return this.#last !== null && this.wasCalm && this.#before < takenShare / 2;
  }

  /** Somebody may be in the way: steps can be slow for other reasons. */
  get mayBeThere(): boolean {
    return this.#last === null || !this.wasCalm;
  }
}

function wholeCores(busy: number): number {
  return Math.floor(busy + (1 - takenShare));
}
