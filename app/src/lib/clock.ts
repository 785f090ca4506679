/** Wall-clock time, passed in so that tests can jump it. Durations are measured with `performance.now()`. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
