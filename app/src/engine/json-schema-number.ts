import { integerRange } from './integer-range.ts';
import { numberOf, type Place, type SchemaObject, withNumericBounds } from './json-schema-object.ts';

/** A bound; an open one does not fit itself. */
interface Bound {
  value: number;
  isOpen: boolean;
}

interface Bounds {
  low: Bound | undefined;
  high: Bound | undefined;
}

/** The stricter of `minimum` and `exclusiveMinimum`, and of the two above. */
export function boundsOf(schema: SchemaObject, place: Place): Bounds {
  const plain = withNumericBounds(schema);
  const bound = (keyword: string, isOpen: boolean): Bound[] => {
    const value = numberOf(plain, keyword, place);
    return value === undefined ? [] : [{ value, isOpen }];
  };
  // Of two with the same value the open one is the stricter, so it comes first.
  const lows = [...bound('exclusiveMinimum', true), ...bound('minimum', false)];
  const highs = [...bound('exclusiveMaximum', true), ...bound('maximum', false)];
  return {
    low: lows.toSorted((a, b) => b.value - a.value)[0],
    high: highs.toSorted((a, b) => a.value - b.value)[0],
  };
}

/** GBNF for the whole numbers within bounds; null where there are none. */
export function integersWithin({ low, high }: Bounds): string | null {
  return integerRange(
    low?.isOpen === true ? wholeAbove(low.value) : low?.value,
    high?.isOpen === true ? wholeBelow(high.value) : high?.value,
  );
}

const zero: Bound = { value: 0, isOpen: false };

/** GBNF for the numbers within bounds, not all of them where they have many digits; null where there are none. */
export function numbersWithin(bounds: Bounds): string | null {
  const parts = [...negativesWithin(bounds), ...positivesWithin(bounds)];
  if (parts.length === 0) return null;
  return isSide(bounds) ? `(${parts.join(' | ')}) ([eE] [-+]? [0-9]{1,2})?` : parts.join(' | ');
}

function negativesWithin({ low, high }: Bounds): string[] {
  if (low && low.value >= 0) return [];
  const nearest = high && high.value <= 0 ? negated(high) : zero;
  return notNegative(nearest, low && negated(low)).map((part) => `"-" ${part}`);
}

function positivesWithin({ low, high }: Bounds): string[] {
  if (high && high.value < 0) return [];
  return notNegative(low && low.value >= 0 ? low : zero, high);
}

/** An exponent makes a number greater or smaller, and never brings it to the other side of 0. */
function isSide({ low, high }: Bounds): boolean {
  return low === undefined ? high?.value === 0 : high === undefined && low.value === 0;
}

function negated({ value, isOpen }: Bound): Bound {
  return { value: -value, isOpen };
}

/** The next whole number; beyond 2⁵³ the next one that a number can hold. */
function wholeAbove(value: number): number {
  return Math.floor(value) + Math.max(1, Math.abs(value) * Number.EPSILON);
}

function wholeBelow(value: number): number {
  return -wholeAbove(-value);
}

/** The digits after the point. */
function fractionOf(value: number): string {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [before = '', after = ''] = mantissa.split('.');
  if (Number(exponent) === 0) return after;
  return Number(exponent) > 0 ? '' : '0'.repeat(-Number(exponent) - 1) + before + after;
}

/** No more digits. */
const nothing = '""';

/** Digits that bound those after the point, and whether these themselves are out. */
interface Edge {
  digits: string;
  isOpen: boolean;
}

/** The numbers next to a bound: their whole part, and what may follow it. */
interface End {
  whole: number;
  edge: Edge | undefined;
  mostDigits: number;
}

/** As many after the point as numbers without bounds may have. */
const usualDigits = 16;
/** Up to so many in all, different texts are different numbers once they are read: none is rounded to an open bound. */
const exactDigits = 15;

function bottomOf({ value, isOpen }: Bound): End {
  const whole = Math.floor(value);
  const mostDigits = isOpen ? Math.max(0, exactDigits - BigInt(whole).toString().length) : usualDigits;
  return { whole, edge: { digits: fractionOf(value), isOpen }, mostDigits };
}

/** Below an open 10 are all that begin with 9. */
function topOf(bound: Bound): End {
  const { value, isOpen } = bound;
  if (!isOpen || value === 0 || !Number.isInteger(value)) return bottomOf(bound);
  return { ...bottomOf({ value: wholeBelow(value), isOpen }), edge: undefined };
}

/** Numbers from one bound to another, neither of them negative. */
function notNegative(low: Bound, high: Bound | undefined): string[] {
  if (high && low.value > high.value) return [];
  const [bottom, top] = [bottomOf(low), high && topOf(high)];
  const lowest = `"${BigInt(bottom.whole)}"`;
  if (top?.whole === bottom.whole) {
    const mostDigits = Math.min(bottom.mostDigits, top.mostDigits);
    return withFraction(lowest, tailsWithin(mostDigits, bottom.edge, top.edge));
  }
  const between = integerRange(wholeAbove(bottom.whole), top && wholeBelow(top.whole));
  return [
    ...withFraction(lowest, tailsWithin(bottom.mostDigits, bottom.edge, undefined)),
    ...(between === null ? [] : withFraction(`(${between})`, tailsWithin(usualDigits, undefined, undefined))),
    ...(top ? withFraction(`"${BigInt(top.whole)}"`, tailsWithin(top.mostDigits, undefined, top.edge)) : []),
  ];
}

function withFraction(whole: string, tails: string[]): string[] {
  return followed(whole, tails, '"." ');
}

/** A part before these tails; none where there are none. */
function followed(before: string, tails: string[], point = ''): string[] {
  const more = tails.filter((tail) => tail !== nothing);
  if (tails.length === 0) return [];
  if (more.length === 0) return [before];
  const choice = more.length > 1 && point !== '' ? `(${more.join(' | ')})` : more.join(' | ');
  return [`${before} (${point}${choice})${tails.includes(nothing) ? '?' : ''}`];
}

/** Patterns for at most `most` digits that lie between two edges, read as what comes after the point. */
function tailsWithin(most: number, low: Edge | undefined, high: Edge | undefined): string[] {
  // Nothing is below it.
  if (low?.digits === '' && !low.isOpen) return tailsWithin(most, undefined, high);
  if (low === undefined && high?.digits === '') return high.isOpen ? [] : zeros(most);
  const ends = low === undefined ? [nothing] : [];
  return most === 0 ? ends : [...ends, ...digitsWithin(most, low, high)];
}

function zeros(most: number): string[] {
  return most === 0 ? [nothing] : [nothing, `"0"{1,${most}}`];
}

/** The same for one digit or more. */
function digitsWithin(most: number, low: Edge | undefined, high: Edge | undefined): string[] {
  if (low === undefined && high === undefined) return [`[0-9]{1,${most}}`];
  const [first, last] = [low ? firstDigit(low) : -1, high ? firstDigit(high) : 10];
  if (first === last) return followed(`"${first}"`, tailsWithin(most - 1, rest(low), rest(high)));
  return [
    ...(low ? followed(`"${first}"`, tailsWithin(most - 1, rest(low), undefined)) : []),
    ...(first + 1 < last
      ? followed(`[${first + 1}-${last - 1}]`, tailsWithin(most - 1, undefined, undefined))
      : []),
    ...(high ? followed(`"${last}"`, tailsWithin(most - 1, undefined, rest(high))) : []),
  ];
}

function firstDigit({ digits }: Edge): number {
  return Number(digits.charAt(0));
}

function rest(edge: Edge | undefined): Edge | undefined {
  return edge && { ...edge, digits: edge.digits.slice(1) };
}
