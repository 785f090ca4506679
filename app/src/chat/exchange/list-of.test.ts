import { expect, test } from 'vitest';
import { z } from 'zod';
import { listOf } from './list-of.ts';
import { readChatHistory } from './read-chat-history.ts';

test('a wrong list is left at its first wrong element, and a right one is taken whole', () => {
  const schema = listOf(z.object({ id: z.int() }));
  expect(schema.parse([{ id: 1, more: true }, { id: 2 }])).toEqual([{ id: 1 }, { id: 2 }]);
  const wrong = schema.safeParse([{ id: 1 }, { id: 'a' }, { id: 'b' }]);
  expect(wrong.error?.issues.map(({ path }) => path)).toEqual([[1]]);
  expect(schema.safeParse('no list').success).toBe(false);
});

test('a file with millions of wrong turns is refused without a word for each', () => {
  const before = process.cpuUsage();
  expect(readChatHistory(Array.from({ length: 2_000_000 }, () => 0))).toBeNull();
  const content = Array.from({ length: 2_000_000 }, () => 0);
  expect(readChatHistory([{ role: 'user', content }])).toBeNull();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(2);
});
