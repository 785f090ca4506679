import { describe, expect, it } from 'vitest';
import { Dry, type DrySettings } from './dry.ts';
import { drawAt } from './random.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Token 1 is a line break, 2 and 3 are the halves of "é", 4 is `say:`, every other a letter of its own. */
const pieces = new Map<number, number[]>([
  [1, [10]],
  [2, [0xc3]],
  [3, [0xa9]],
  [4, [0x73, 0x61, 0x79, 0x3a]],
]);
const vocabulary = {
  specialPiece: (id: number) => Uint8Array.from(pieces.get(id) ?? [97]),
} as unknown as Vocabulary;

/** What each token of 0 to 39 costs after these. */
function costs(seen: readonly number[], settings: Partial<DrySettings> = {}): Record<number, number> {
  const dry = new Dry(
    { multiplier: 1, base: 2, allowedLength: 2, window: 4096, breakers: ['\n', ':'], ...settings },
    vocabulary,
  );
  for (const id of seen) dry.see(id);
  const row = new Float32Array(40);
  dry.apply(row);
  return Object.fromEntries([...row].flatMap((value, id) => (value === 0 ? [] : [[id, -value]])));
}

/** The same for tokens without a breaker, by comparing every end with every other. */
function plainCosts(
  seen: readonly number[],
  { allowedLength, window }: Pick<DrySettings, 'allowedLength' | 'window'>,
): Record<number, number> {
  const tokens = seen.slice(-window);
  const longest: Record<number, number> = {};
  for (let end = 0; end < tokens.length - 1; end++) {
    let length = 0;
    while (length <= end && tokens[end - length] === tokens.at(-1 - length)) length++;
    const next = tokens[end + 1]!;
    if (length >= allowedLength) longest[next] = Math.max(length, longest[next] ?? 0);
  }
  return Object.fromEntries(
    Object.entries(longest).map(([id, length]) => [id, Math.min(1e6, 2 ** (length - allowedLength))]),
  );
}

describe('Dry', () => {
  it('charges what goes on with a repetition, more the longer it is', () => {
    expect(costs([10, 11, 12, 20, 10, 11])).toEqual({ 12: 1 });
    expect(costs([10, 11, 12, 13, 20, 10, 11, 12])).toEqual({ 13: 2 });
    expect(costs([10, 11, 12, 13, 14, 20, 10, 11, 12, 13])).toEqual({ 14: 4 });
  });

  it('charges nothing for repetitions up to the allowed length', () => {
    expect(costs([11, 12, 20, 11])).toEqual({});
    expect(costs([10, 11, 12, 20, 10, 11], { allowedLength: 3 })).toEqual({});
    expect(costs([11, 12, 20, 11], { allowedLength: 1 })).toEqual({ 12: 1 });
  });

  it('knows every place where it stood before, and the longest for each token', () => {
    expect(costs([10, 11, 12, 5, 10, 11, 13, 6, 9, 10, 11])).toEqual({ 12: 1, 13: 1 });
    expect(costs([9, 10, 11, 12, 6, 10, 11, 12, 5, 9, 10, 11])).toEqual({ 12: 2 });
  });

  it('finds a token that repeats itself', () => {
    expect(costs([10, 10, 10, 10])).toEqual({ 10: 2 });
  });

  it('does not look across a breaker, also one inside a token', () => {
    expect(costs([10, 11, 12, 20, 10, 1, 11])).toEqual({});
    expect(costs([9, 10, 11, 12, 1, 9, 10, 11])).toEqual({ 12: 2 });
    expect(costs([9, 4, 10, 11, 12, 20, 9, 4, 10, 11])).toEqual({ 12: 1 });
  });

  it('knows a breaker whose bytes come in two tokens', () => {
    const settings = { breakers: ['é'] };
    expect(costs([2, 3, 10, 11, 12, 20, 2, 3, 10, 11], settings)).toEqual({ 12: 1 });
    expect(costs([10, 11, 12, 20, 10, 2, 3, 11], settings)).toEqual({});
    // Halves alone are none.
    expect(costs([10, 2, 12, 20, 10, 2], settings)).toEqual({ 12: 1 });
  });

  it('forgets what is outside the window', () => {
    expect(costs([10, 11, 12, 20, 10, 11], { window: 6 })).toEqual({ 12: 1 });
    expect(costs([10, 11, 12, 20, 10, 11], { window: 5 })).toEqual({});
    const long = [10, 11, 12, ...Array.from({ length: 9000 }, (_, index) => 20 + (index % 7)), 30, 10, 11];
    expect(costs(long, { window: 100 })).toEqual({});
    expect(costs(long, { window: 20_000 })).toEqual({ 12: 1 });
  });

  it('is off without a multiplier or a window', () => {
    expect(costs([10, 11, 12, 20, 10, 11], { multiplier: 0 })).toEqual({});
    expect(costs([10, 11, 12, 20, 10, 11], { window: 0 })).toEqual({});
  });

  it('finds in any text what comparing every end with every other finds', () => {
    for (let round = 0; round < 500; round++) {
      const kinds = 1 + (round % 4);
      const seen = Array.from({ length: round % 61 }, (_, at) => 10 + Math.floor(drawAt(round, at) * kinds));
      const settings = { allowedLength: 1 + (round % 3), window: 1 + ((round * 7) % 61) };
      expect(costs(seen, settings)).toEqual(plainCosts(seen, settings));
    }
  });

  it('is as quick where a long prompt is one repetition and no bound holds', () => {
    const tokens = 65_536;
    const dry = new Dry(
      { multiplier: 0.8, base: 1.0001, allowedLength: 2, window: tokens, breakers: [] },
      vocabulary,
    );
    for (let at = 0; at < tokens; at++) dry.see(10);
    const row = new Float32Array(40);
    let bestMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const started = performance.now();
      dry.apply(row.fill(0));
      bestMs = Math.min(bestMs, performance.now() - started);
    }
    // A few ms; each place compared with the whole end takes seconds.
    expect(bestMs).toBeLessThan(500);
    expect(row[10]).toBeLessThan(-500);
  });

  it('keeps its cost within what a float can hold', () => {
    const chant = Array.from({ length: 4000 }, () => 10);
    expect(costs(chant, { base: 8 })).toEqual({ 10: 1e6 });
  });
});
