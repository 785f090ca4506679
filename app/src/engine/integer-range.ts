/** GBNF for the whole numbers from `minimum` to `maximum`, each possibly open; null where there are none. */
export function integerRange(minimum: number | undefined, maximum: number | undefined): string | null {
  const low = minimum === undefined ? undefined : Math.ceil(minimum);
  const high = maximum === undefined ? undefined : Math.floor(maximum);
  if (low !== undefined && high !== undefined && low > high) return null;
  return [...negativeParts(low, high), ...positiveParts(low, high)].join(' | ');
}

function negativeParts(low: number | undefined, high: number | undefined): string[] {
  if (low !== undefined && low >= 0) return [];
  const smallest = high === undefined || high >= 0 ? 1 : -high;
  return atLeastAtMost(smallest, low === undefined ? undefined : -low).map((part) => `"-" ${part}`);
}

function positiveParts(low: number | undefined, high: number | undefined): string[] {
  return high !== undefined && high < 0 ? [] : atLeastAtMost(Math.max(0, low ?? 0), high);
}

/** Of numbers without an upper bound: as many as a double keeps, and more only where the lower bound has more. */
const usualDigits = 15;

/** Patterns for the numbers from `low` to `high`, neither of them negative. */
function atLeastAtMost(low: number, high: number | undefined): string[] {
  const parts: string[] = [];
  const lowest = digitsOf(low);
  const highest = high === undefined ? '' : digitsOf(high);
  const mostDigits = Math.max(usualDigits, lowest.length);
  const lastDigits = high === undefined ? mostDigits : Math.min(mostDigits, highest.length);
  for (let digits = lowest.length; digits <= lastDigits; digits++) {
    const first = digits === lowest.length ? lowest : `1${'0'.repeat(digits - 1)}`;
    const last = digits === highest.length ? highest : '9'.repeat(digits);
    parts.push(...sameLength(first, last));
  }
  return parts;
}

/** Large numbers are written with an exponent otherwise. */
function digitsOf(number: number): string {
  return BigInt(number).toString();
}

/** Patterns for numbers of as many digits as both bounds have. */
function sameLength(low: string, high: string): string[] {
  if (low === high) return [`"${low}"`];
  const rest = low.length - 1;
  if (rest === 0) return [`[${low}-${high}]`];
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (first === last) return sameLength(lowRest, highRest).map((part) => `"${first}" ${part}`);
  const parts: string[] = [];
  const isLowFull = /^0+$/u.test(lowRest);
  const isHighFull = /^9+$/u.test(highRest);
  if (!isLowFull) parts.push(...sameLength(lowRest, '9'.repeat(rest)).map((part) => `"${first}" ${part}`));
  const from = isLowFull ? first : first + 1;
  const to = isHighFull ? last : last - 1;
  if (from <= to) parts.push(`[${from}-${to}] [0-9]{${rest}}`);
  if (!isHighFull) parts.push(...sameLength('0'.repeat(rest), highRest).map((part) => `"${last}" ${part}`));
  return parts;
}
