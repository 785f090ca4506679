import type { Pace } from '../contracts/run-parts.ts';

const firstPartMs = 250;
const mostParts = 60;

/**
 * How many tokens were written in each stretch of an answer, for the chart of its receipt. Stretches are equally long,
 * and twice as long from each time on that there would be too many.
 */
export class PaceMeter {
  #partMs = firstPartMs;
  #tokens: number[] = [];
  #startedAt = 0;

  /** So many more tokens were written by now, in milliseconds of any clock. */
  count(tokens: number, now: number): void {
    this.#startedAt ||= now;
    let part = Math.floor((now - this.#startedAt) / this.#partMs);
    while (part >= mostParts) {
      this.#tokens = inPairs(this.#tokens);
      this.#partMs *= 2;
      part = Math.floor((now - this.#startedAt) / this.#partMs);
    }
    while (this.#tokens.length <= part) this.#tokens.push(0);
    this.#tokens[part]! += tokens;
  }

  /** Nothing of an answer that is too short to show how its speed changed. */
  shown(): { pace?: Pace } {
    if (this.#tokens.length < 4) return {};
    return { pace: { partMs: this.#partMs, tokens: [...this.#tokens] } };
  }
}

function inPairs(numbers: readonly number[]): number[] {
  return Array.from(
    { length: Math.ceil(numbers.length / 2) },
    (_, index) => numbers[index * 2]! + (numbers[index * 2 + 1] ?? 0),
  );
}
