/** Probabilities as words and as one of five shades. */

const certain = 0.9;
const bounds: readonly number[] = [certain, 0.6, 0.3, 0.1];

/** From 0, as good as certain, to 4, a guess. */
export type Doubt = 0 | 1 | 2 | 3 | 4;

export const doubts: readonly Doubt[] = [0, 1, 2, 3, 4];

export function doubtOf(probability: number): Doubt {
  const level = bounds.findIndex((bound) => probability >= bound);
  return level < 0 ? 4 : (level as Doubt);
}

const percent = (digits: number): Intl.NumberFormat =>
  new Intl.NumberFormat('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
const whole = percent(0);
const tenth = percent(1);
const hundredth = percent(2);

/** No more digits than say something, and never 0 or 100: nothing is impossible, and nothing certain. */
export function percentText(probability: number): string {
  const value = probability * 100;
  if (value > 99.5) return '> 99 %';
  if (value >= 9.95) return `${whole.format(value)} %`;
  if (value >= 0.95) return `${tenth.format(value)} %`;
  if (value >= 0.01) return `${hundredth.format(value)} %`;
  return '< 0.01 %';
}

/** What a shade stands for, in per cent. */
export function rangeText(doubt: Doubt): string {
  const most = bounds[doubt - 1];
  const least = bounds[doubt];
  if (most === undefined) return `≥ ${certain * 100} %`;
  if (least === undefined) return `< ${most * 100} %`;
  return `${least * 100}–${most * 100} %`;
}

const pictures: Record<string, string> = { ' ': '␣', '\n': '↵', '\r': '␍', '\t': '⇥' };

/** A token with what is otherwise not seen of it. */
export function visible(text: string): string {
  return text.replace(/[ \n\r\t]/g, (character) => pictures[character] ?? character);
}
