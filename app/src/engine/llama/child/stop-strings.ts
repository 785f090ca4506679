export interface Released {
  /** Text that may be shown: nothing of it can belong to a stop string. */
  text: string;
  /** The stop string that was met; what comes after it is dropped. */
  stop: string | null;
}

/** Holds text back while it may be the beginning of a stop string, however it is cut into tokens. */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #longest: number;
  #held = '';

  constructor(stops: readonly string[]) {
    this.#stops = stops;
    this.#longest = stops.reduce((length, stop) => Math.max(length, stop.length), 0);
  }

  push(text: string): Released {
    if (this.#longest === 0) return { text, stop: null };
    const all = this.#held + text;
    const met = this.#firstStop(all);
    if (met !== null) {
      this.#held = '';
      return { text: all.slice(0, met.at), stop: met.stop };
    }
    const shown = all.length - this.#openLength(all);
    this.#held = all.slice(shown);
    return { text: all.slice(0, shown), stop: null };
  }

  /** The text that was held back and turned out to be no stop string. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  #firstStop(text: string): { at: number; stop: string } | null {
    let first: { at: number; stop: string } | null = null;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
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
