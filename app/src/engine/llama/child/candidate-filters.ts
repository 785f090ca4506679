import { drawAt } from './random.ts';
import type { TopCandidates } from './top-candidates.ts';

/** Draws beside the one that chooses the token, from the same seed. */
const xtcStream = 0x5843_5443;

/** Sum of e^(logit - best) over the first ones of a sorted list. */
export function massOf(logits: Float32Array, length: number): number {
  const best = logits[0]!;
  let sum = 0;
  for (let index = 0; index < length; index++) sum += Math.exp(logits[index]! - best);
  return sum;
}

/** How surprising the first ones are on the whole, in nats. */
function entropyOf(logits: Float32Array, length: number, mass = massOf(logits, length)): number {
  const best = logits[0]!;
  let sum = 0;
  for (let index = 0; index < length; index++) {
    const share = Math.exp(logits[index]! - best) / mass;
    if (share > 0) sum -= share * Math.log(share);
  }
  return sum;
}

/**
 * Keeps those whose surprise is nearest to the usual one, up to a share of the whole; returns how many are left. Each of
 * a sorted list surprises no less than the one before, so what is nearest to the usual stands together.
 */
export function keepTypical(candidates: TopCandidates, length: number, share: number): number {
  const { ids, logits } = candidates;
  const mass = massOf(logits, length);
  const best = logits[0]!;
  const usual = best + Math.log(mass) - entropyOf(logits, length, mass);
  let end = 0;
  while (end < length && logits[end]! > usual) end++;
  let first = end;
  let sum = 0;
  do {
    const goesUp = first > 0 && (end === length || logits[first - 1]! - usual <= usual - logits[end]!);
    const next = goesUp ? --first : end++;
    sum += Math.exp(logits[next]! - best);
  } while (sum < share * mass && end - first < length);
  ids.copyWithin(0, first, end);
  logits.copyWithin(0, first, end);
  return end - first;
}

export interface TopChoiceExclusion {
  probability: number;
  threshold: number;
}

/** "Exclude top choices": now and then the likeliest go, down to the last that is still likely. Returns what is left. */
export function leaveOutTopChoices(
  { ids, logits }: TopCandidates,
  length: number,
  { probability, threshold }: TopChoiceExclusion,
  draw: { seed: number; position: number },
): number {
  if (probability <= 0 || threshold > 0.5 || length < 2) return length;
  if (drawAt(draw.seed ^ xtcStream, draw.position) >= probability) return length;
  const floor = logits[0]! + Math.log(threshold * massOf(logits, length));
  let last = 0;
  while (last + 1 < length && logits[last + 1]! >= floor) last++;
  ids.copyWithin(0, last, length);
  logits.copyWithin(0, last, length);
  return length - last;
}

/** As good as 0, where only the likeliest is drawn; by 0 itself nothing can be divided. */
const coldest = 1e-300;

/** A temperature that is lower where the model is sure and higher where it is not; never 0. */
export function dynamicTemperature(
  { logits }: TopCandidates,
  length: number,
  { temperature, range, exponent }: { temperature: number; range: number; exponent: number },
): number {
  if (range <= 0 || length < 2) return temperature;
  const lowest = Math.max(0, temperature - range);
  const doubt = entropyOf(logits, length) / Math.log(length);
  return Math.max(coldest, lowest + (temperature + range - lowest) * doubt ** exponent);
}
