import type { JudgedEntry } from '@corral/app/contracts/api/models';

/** Words a second at which an answer reads along, keeps up, and is worth waiting for. */
const paces = [25, 10, 3];

/** A quick, a balanced and the best one: the largest that fits and reaches each pace. */
export function picksOf(entries: readonly JudgedEntry[]): JudgedEntry[] {
  const usable = entries
    .filter((entry) => entry.fit !== 'will-not-fit')
    .toSorted((left, right) => right.parameters - left.parameters);
  const picks = new Set<JudgedEntry>();
  for (const pace of paces) {
    const pick = usable.find((entry) => (entry.expectedTokensPerSecond ?? 0) >= pace && !picks.has(entry));
    if (pick) picks.add(pick);
  }
  return picks.size > 0 ? [...picks] : usable.slice(-paces.length);
}
