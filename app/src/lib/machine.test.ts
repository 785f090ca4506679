import { expect, test } from 'vitest';
import { readMachine, roomWithin } from './machine.ts';

const gib = 2 ** 30;

test('what a group has read from files is room: a model that was just fetched fits', () => {
  const version2 = `anon ${gib}\nfile ${5 * gib}\ninactive_anon 0\ninactive_file ${3 * gib}\nactive_file ${2 * gib}\n`;
  expect(roomWithin(8 * gib, 6 * gib, version2)).toBe(7 * gib);
  const version1 = `cache 0\ninactive_file 7\nactive_file 8\ntotal_inactive_file ${gib}\ntotal_active_file ${gib}\n`;
  expect(roomWithin(8 * gib, 6 * gib, version1)).toBe(4 * gib);
});

test('without statistics all that is used counts, and never is there more room than the limit', () => {
  expect(roomWithin(8 * gib, 6 * gib, '')).toBe(2 * gib);
  expect(roomWithin(8 * gib, gib, `inactive_file ${3 * gib}`)).toBe(8 * gib);
});

test('this machine has memory, and not more available than it has', () => {
  const { availableBytes, memoryBytes, cores } = readMachine();
  expect(cores).toBeGreaterThan(0);
  expect(availableBytes).toBeGreaterThan(0);
  expect(availableBytes).toBeLessThanOrEqual(memoryBytes);
});
