export interface Released {
  /** Text that may be shown: nothing of it can belong to a stop string. */
  text: string;
  /** The stop string that was met; what comes after it is dropped. */
  stop: string | null;
}

/** Holds text back while it may be the beginning of a stop string, however it is cut into pieces. */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #longest: number;
  #held = '';
  /** How much of what is held was shown before: the answer that this one goes on with ended in it. */
  #known: number;

  constructor(stops: readonly string[], openAnswer = '') {
    this.#stops = stops.filter((stop) => stop !== '');
    this.#longest = this.#stops.reduce((length, stop) => Math.max(length, stop.length), 0);
    this.#known = this.#openLength(openAnswer);
    this.#held = openAnswer.slice(openAnswer.length - this.#known);
  }

  push(text: string): Released {
    if (this.#longest === 0) return { text, stop: null };
    const all = this.#held + text;
    const met = this.#firstStop(all);
    if (met !== null) {
      this.#held = '';
      return { text: all.slice(this.#known, met.at), stop: met.stop };
    }
    const free = all.length - this.#openLength(all);
    const shown = all.slice(this.#known, free);
    this.#held = all.slice(free);
    this.#known = Math.max(0, this.#known - free);
    return { text: shown, stop: null };
  }

  /** The text that was held back and turned out to be no stop string; what comes after it is another text. */
  end(): string {
    const rest = this.#held.slice(this.#known);
    this.#held = '';
    this.#known = 0;
    return rest;
  }

  #firstStop(text: string): { at: number; stop: string } | null {
    let first: { at: number; stop: string } | null = null;
    for (const stop of this.#stops) {
      // One that was there already, when it was none yet, ends nothing.
      const at = text.indexOf(stop, this.#known - stop.length + 1);
      if (at >= 0 && (first === null || at < first.at)) first = { at, stop };
    }
    return first;
  }

  /** Length of the longest end of `text` that begins a stop string. */
  #openLength(text: string): number {
    for (let length = Math.min(text.length, this.#longest - 1); length > 0; length--) {
      const end = text.slice(text.length - length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
