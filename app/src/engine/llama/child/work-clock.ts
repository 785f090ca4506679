// Here and in what else runs for every token by name: the global is a getter that costs more than the clock.
import { performance } from 'node:perf_hooks';
import type { Counters } from './counters.ts';

/** The processor's time is asked of the system, which takes about as long as the rest of the clock: so now and then. */
const sampledEvery = 8;

/**
 * What goes by outside of `llama_decode` while there is work, the turns of the event loop between two steps included:
 * on the wall, and as processor time of this thread, which does not grow where others take the processor.
 */
export class WorkClock {
  readonly #counters: Counters;
  readonly #threadMs: () => number;
  #since = 0;
  #threadSince = -1;
  #decodeSince = 0;

  constructor(counters: Counters, threadMs: () => number) {
    this.#counters = counters;
    this.#threadMs = threadMs;
  }

  /** Work begins; nothing happens where it has begun already. */
  begin(): void {
    if (this.#since === 0) this.#since = performance.now();
  }

  end(): void {
    if (this.#since > 0) this.#counters.overheadMs += performance.now() - this.#since;
    this.#since = 0;
    this.#threadSince = -1;
  }

  /** A decode begins. */
  enterDecode(): void {
    const counters = this.#counters;
    if (this.#threadSince >= 0) {
      counters.overheadThreadMs += (this.#threadMs() - this.#threadSince) * sampledEvery;
      this.#threadSince = -1;
    }
    this.#decodeSince = performance.now();
    if (this.#since > 0) counters.overheadMs += this.#decodeSince - this.#since;
  }

  /** It has ended; returns how long it took. */
  leaveDecode(): number {
    const counters = this.#counters;
    this.#since = performance.now();
    const ms = this.#since - this.#decodeSince;
    counters.decodeMs += ms;
    counters.decodes++;
    if (counters.decodes % sampledEvery === 0) this.#threadSince = this.#threadMs();
    return ms;
  }
}
