export interface PenaltySettings {
  repetition: number;
  frequency: number;
  presence: number;
  /** Tokens looked back; 0 is off. */
  window: number;
}

/** How often each token occurred in the last tokens, and what that costs it. */
export class Penalties {
  readonly #settings: PenaltySettings;
  readonly #counts = new Map<number, number>();
  readonly #recent: number[] = [];
  #oldest = 0;

  constructor(settings: PenaltySettings) {
    this.#settings = settings;
  }

  get isActive(): boolean {
    const { repetition, frequency, presence, window } = this.#settings;
    return window !== 0 && (repetition !== 1 || frequency !== 0 || presence !== 0);
  }

  /** Takes in a token of the prompt or the answer. */
  see(id: number): void {
    if (!this.isActive) return;
    this.#recent.push(id);
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    if (this.#recent.length - this.#oldest <= this.#settings.window) return;
    this.#forget(this.#recent[this.#oldest]!);
    this.#oldest++;
    if (this.#oldest > 4096) {
      this.#recent.splice(0, this.#oldest);
      this.#oldest = 0;
    }
  }

  apply(row: Float32Array): void {
    if (!this.isActive) return;
    const { repetition, frequency, presence } = this.#settings;
    for (const [id, count] of this.#counts) {
      const value = row[id]!;
      const repeated = value > 0 ? value / repetition : value * repetition;
      row[id] = repeated - count * frequency - presence;
    }
  }

  #forget(id: number): void {
    const count = this.#counts.get(id) ?? 0;
    if (count > 1) this.#counts.set(id, count - 1);
    else this.#counts.delete(id);
  }
}
