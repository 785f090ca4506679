import { expect, test } from 'vitest';
import { readMachine } from './machine.ts';

test('this machine has memory, and not more available than it has', () => {
  const { availableBytes, memoryBytes, cores } = readMachine();
  expect(cores).toBeGreaterThan(0);
  expect(availableBytes).toBeGreaterThan(0);
  expect(availableBytes).toBeLessThanOrEqual(memoryBytes);
});
