import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { StateMemory } from './state-memory.ts';

const mebibyte = 1024 * 1024;
const isSame = (one: Buffer, other: Buffer): boolean => one.buffer === other.buffer;

describe('memory for states', () => {
  it('is used again by the next state of about the size, by one at a time', () => {
    const memory = new StateMemory();
    const first = memory.take(9 * mebibyte);
    memory.give(first.subarray(0, 8 * mebibyte));
    expect(isSame(memory.take(9.5 * mebibyte), first)).toBe(true);
    expect(isSame(memory.take(9 * mebibyte), first)).toBe(false);
  });

  it('is not spent on a state that is much smaller', () => {
    const memory = new StateMemory();
    const large = memory.take(10 * mebibyte);
    memory.give(large);
    expect(isSame(memory.take(mebibyte), large)).toBe(false);
    expect(isSame(memory.take(10 * mebibyte), large)).toBe(true);
  });

  it('holds what was asked for, belongs to one at a time, and is bounded where it is free', () => {
    const steps = fc.array(fc.record({ size: fc.integer({ min: 1, max: 1e8 }), gives: fc.boolean() }));
    fc.assert(
      fc.property(steps, (all) => {
        const memory = new StateMemory();
        const taken: Buffer[] = [];
        for (const { size, gives } of all) {
          const buffer = memory.take(size);
          expect(buffer.length).toBeGreaterThanOrEqual(size);
          expect(buffer.length).toBeLessThanOrEqual(Math.max(4096, size * 2));
          expect(taken.some((other) => isSame(other, buffer))).toBe(false);
          taken.push(buffer);
          if (gives) memory.give(taken.shift()!);
          expect(memory.freeBytes).toBeLessThanOrEqual(64 * mebibyte);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('goes back to the system when nobody has needed it for a while', () => {
    vi.useFakeTimers();
    const memory = new StateMemory();
    memory.give(memory.take(mebibyte));
    vi.advanceTimersByTime(20_000);
    memory.give(memory.take(mebibyte));
    vi.advanceTimersByTime(20_000);
    expect(memory.freeBytes).toBe(mebibyte);
    vi.advanceTimersByTime(11_000);
    expect(memory.freeBytes).toBe(0);
    vi.useRealTimers();
  });
});
