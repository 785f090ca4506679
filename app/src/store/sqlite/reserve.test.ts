import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createReserve, type Reserve } from './reserve.ts';
import { claimOf, takeSlice } from './reserve-claims.ts';

const sizeBytes = 64 * 1024;
let home: string;
let reserve: Reserve;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'corral-reserve-'));
  reserve = createReserve(home, sizeBytes);
  reserve.refill();
});
afterEach(() => rmSync(home, { recursive: true }));

const heldBytes = (): number => statSync(join(home, 'reserve')).size;

/** As often as there is something for it. */
function takeAll(callName: string): number {
  const claim = claimOf(callName)!;
  let slices = 0;
  while (takeSlice(reserve, claim, slices)) slices++;
  return slices;
}

test('ends take little at a time and leave half; who deletes takes more and more until nothing is left', () => {
  expect(heldBytes()).toBe(sizeBytes);
  takeSlice(reserve, claimOf('finishRun')!, 0);
  expect(heldBytes()).toBe((sizeBytes * 15) / 16);
  expect(takeAll('recordDeliveries')).toBeGreaterThan(5);
  expect(heldBytes()).toBe(sizeBytes / 2);
  expect(reserve.owedBytes()).toBe(sizeBytes / 2);
  takeSlice(reserve, claimOf('erase')!, 0);
  expect(heldBytes()).toBeGreaterThan(sizeBytes / 3);
  expect(takeAll('trash')).toBeLessThanOrEqual(5);
  expect(heldBytes()).toBe(0);
});

test('messages get none of it', () => {
  expect(claimOf('addMessage')).toBeUndefined();
  expect(claimOf('acceptRuns')).toBeUndefined();
});
