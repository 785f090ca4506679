/** A core counts as taken from this share on. */
const takenShare = 0.6;
const windowMs = 500;

/**
 * What other programs do with the cores while there is work, in windows of half a second: an answer that is shorter
 * fills a part of one. One busy window says little: our own server was busy with the question, or a compiler with the
 * server.
 */
export class OthersBusy {
  /** Cores kept busy since it was last asked; null where that cannot be known. */
  readonly #since: () => number | null;
  readonly #now: () => number;
  #askedAt: number;
  /** Of the window that is open. */
  #ms = 0;
  #busyMs: number | null = 0;
  #last: number | null = 0;
  #before = 0;

  constructor(since: () => number | null, now: () => number) {
    this.#since = since;
    this.#now = now;
    this.#askedAt = now();
    since();
  }

  /** Work begins. What others did in the pause says little about now. */
  begin(): void {
    this.#since();
    this.#askedAt = this.#now();
  }

  pause(): void {
    const now = this.#now();
    const ms = now - this.#askedAt;
    const busy = this.#since();
    this.#askedAt = now;
    this.#ms += ms;
    this.#busyMs = busy === null || this.#busyMs === null ? null : this.#busyMs + busy * ms;
  }

  /** During work: to ask costs something, so only when the window is over. */
  look(): void {
    if (this.#ms + this.#now() - this.#askedAt >= windowMs) this.close();
  }

  /** The window ends here, however long it was. */
  close(): void {
    this.pause();
    if (this.#ms <= 0) return;
    this.#before = this.#last ?? 0;
    this.#last = this.#busyMs === null ? null : this.#busyMs / this.#ms;
    this.#ms = 0;
    this.#busyMs = 0;
  }

  forget(): void {
    this.#last = 0;
    this.#before = 0;
    this.#ms = 0;
    this.#busyMs = 0;
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
