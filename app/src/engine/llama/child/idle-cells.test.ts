import { expect, it } from 'vitest';
import { idleCellAllowance } from './idle-cells.ts';

/** What a token of a model takes, and how many cells of others it may pass by for a fiftieth or a twentieth of that. */
it.each([
  ['1.1 B', { heads: 704, cellBytes: 22 * 1024 }, 22, 520],
  ['8 B with few heads of keys', { heads: 1024, cellBytes: 128 * 1024 }, 130, 2115],
  ['7 B with large states', { heads: 1024, cellBytes: 512 * 1024 }, 110, 4475],
  ['a small one', { heads: 36, cellBytes: 2048 }, 0.7, 512],
])('idle cells beside answers of %s', (_name, model, tokenMs, cells) => {
  const times = [
    { threads: 1, tokenMs: tokenMs * 1.8 },
    { threads: 2, tokenMs },
  ];
  expect(idleCellAllowance(model, times)).toBe(cells);
});
