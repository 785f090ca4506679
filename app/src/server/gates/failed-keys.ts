import { AppError } from '../../contracts/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import { failedKeyWindowMs, maxFailedKeys } from '../limits.ts';

/** A7: wrong keys from one address, counted within a window. */
export interface FailedKeys {
  /** Throws `rate-limited` where this address has to wait. */
  refuseWhileWaiting(address: string): void;
  record(address: string): void;
}

/** So many addresses are remembered; the oldest goes first. An IPv6 attacker has more, and each key is long. */
const maxAddresses = 10_000;

export function createFailedKeys(clock: Clock): FailedKeys {
  const failures = new Map<string, { count: number; since: number }>();
  const current = (address: string) => {
    const entry = failures.get(address);
    // Both ways: what began while the clock was ahead would else last for as long as it was.
    if (entry && Math.abs(clock.now() - entry.since) < failedKeyWindowMs) return entry;
    failures.delete(address);
    return null;
  };
  return {
    refuseWhileWaiting(address) {
      const entry = current(address);
      if (entry === null || entry.count < maxFailedKeys) return;
      const retryAfterMs = Math.max(1, entry.since + failedKeyWindowMs - clock.now());
      throw new AppError('rate-limited', 'too many wrong access keys came from this address', {
        hint: `Wait ${Math.ceil(retryAfterMs / 60_000)} minutes.`,
        details: { retryAfterMs },
      });
    },
    record(address) {
      const entry = current(address) ?? { count: 0, since: clock.now() };
      entry.count++;
      failures.set(address, entry);
      const oldest = failures.keys().next().value;
      if (failures.size > maxAddresses && oldest !== undefined) failures.delete(oldest);
    },
  };
}
