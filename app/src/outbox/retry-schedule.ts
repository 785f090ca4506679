const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** After each failed attempt; about three days in all, so that a sink may be away over a long weekend. */
const delaysMs = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
] as const;

/** So that what failed together does not come again together. */
const jitter = 0.1;

/** No sink may put off an event for longer than this, whatever its Retry-After says. */
export const longestRetryAfterMs = 24 * hour;

/** Null: that was the last attempt. `attempts` counts the one that just failed. */
export function nextAttemptAt(
  attempts: number,
  known: { now: number; retryAfterMs: number | null; random?: () => number },
): number | null {
  const delayMs = delaysMs[attempts - 1];
  if (delayMs === undefined) return null;
  const spread = 1 + jitter * ((known.random ?? Math.random)() * 2 - 1);
  return known.now + Math.max(Math.round(delayMs * spread), known.retryAfterMs ?? 0);
}

/** `Retry-After` in seconds or as a date; null where there is none that makes sense. */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const trimmed = header.trim();
  const waitMs = /^\d+$/u.test(trimmed) ? Number(trimmed) * second : Date.parse(trimmed) - now;
  if (!Number.isFinite(waitMs) || waitMs < 0) return null;
  return Math.min(waitMs, longestRetryAfterMs);
}
