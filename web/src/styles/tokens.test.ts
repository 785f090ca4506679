import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const css = readFileSync(new URL('tokens.css', import.meta.url), 'utf8');
const number = /oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)/;

function tokensOf(block: string): Map<string, [number, number, number]> {
  const tokens = new Map<string, [number, number, number]>();
  for (const [, name, value] of block.matchAll(/--([\w-]+): ([^;]+);/g)) {
    const parts = number.exec(value ?? '');
    if (name && parts) tokens.set(name, [Number(parts[1]) / 100, Number(parts[2]), Number(parts[3])]);
  }
  return tokens;
}

/** OKLCH to relative luminance, by Ottosson's matrices. */
function luminance([lightness, chroma, hue]: [number, number, number]): number {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clamp = (value: number): number => Math.min(1, Math.max(0, value));
  const red = clamp(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  const green = clamp(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  const blue = clamp(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const [light = '', dark = ''] = css.split(":root[data-theme='dark']");
const grounds = ['paper', 'surface', 'raised', 'hover'];
const texts = ['ink', 'ink-soft', 'accent-text', 'good', 'warn-text', 'bad'];
const code = ['code-keyword', 'code-string', 'code-number', 'code-title', 'code-comment'];
const pairs: [text: string, ground: string, least: number][] = [
  ...grounds.flatMap((ground) => texts.map((text): [string, string, number] => [text, ground, 4.5])),
  ...code.flatMap((text): [string, string, number][] => [
    [text, 'surface', 4.5],
    [text, 'paper', 4.5],
  ]),
  ['accent-ink', 'accent', 4.5],
  ['bad-ink', 'bad', 4.5],
  ['ink', 'mark', 4.5],
  ...[1, 2, 3, 4].map((doubt): [string, string, number] => ['ink', `doubt-${doubt}`, 4.5]),
  ['ink', 'accent-wash', 4.5],
  ['accent-text', 'accent-wash', 4.5],
  ['paper', 'ink', 4.5],
  ['line-strong', 'paper', 3],
  ['line-strong', 'surface', 3],
  ['accent', 'paper', 3],
  ['accent', 'surface', 3],
];

test.each([
  ['light', tokensOf(light)],
  ['dark', tokensOf(dark)],
])('text stands out from its ground, %s', (_theme, tokens) => {
  const weak: string[] = [];
  for (const [text, ground, least] of pairs) {
    const one = tokens.get(text);
    const other = tokens.get(ground);
    if (!one || !other) throw new Error(`no token ${text} or ${ground}`);
    const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((left, right) => right - left);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < least) weak.push(`${text} on ${ground}: ${ratio.toFixed(2)} < ${least}`);
  }
  expect(weak).toEqual([]);
});
