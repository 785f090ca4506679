/** What a service sends may be anything. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

/** A size that means something: null where it is 0 or none. */
export function sizeIn(value: unknown): number | null {
  return isCount(value) && value > 0 ? value : null;
}
