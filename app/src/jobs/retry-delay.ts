const firstDelayMs = 5000;
const longestDelayMs = 10 * 60 * 1000;

/** Doubles with each attempt, and differs a little each time so that failures do not march in step. */
export function retryDelayMs(attempts: number, random: () => number = Math.random): number {
  const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.max(0, attempts - 1));
  return Math.round(delay * (0.75 + random() / 2));
}
