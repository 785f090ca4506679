import { expect, test } from 'vitest';
import { createIdempotency } from './idempotency.ts';

let now = 0;
const clock = { now: () => now };
const hours = 60 * 60_000;

/** Counts how often the work is done. */
function counter() {
  let count = 0;
  return async (): Promise<number> => ++count;
}

test('what was done under a key is answered, not done again, for a day', async () => {
  const answers = createIdempotency(clock);
  const work = counter();
  const ask = () => answers.once('owner', 'key', { a: 1 }, work);
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
  now += 24 * hours - 1;
  expect(await ask()).toBe(1);
  now += 1;
  expect(await ask()).toBe(2);
});

test('what was answered while the clock was ahead holds no longer than that', async () => {
  const answers = createIdempotency(clock);
  const work = counter();
  const ask = () => answers.once('owner', 'key', { a: 1 }, work);
  now += 365 * 24 * hours;
  expect(await ask()).toBe(1);
  now -= 365 * 24 * hours;
  expect(await ask()).toBe(2);
});

test('each person and each key has its own; without one all is done', async () => {
  const answers = createIdempotency(clock);
  const work = counter();
  expect(await answers.once('owner', 'key', {}, work)).toBe(1);
  expect(await answers.once('somebody', 'key', {}, work)).toBe(2);
  expect(await answers.once('owner', 'other', {}, work)).toBe(3);
  expect(await answers.once('owner', undefined, {}, work)).toBe(4);
  expect(await answers.once('owner', undefined, {}, work)).toBe(5);
});

test('a failure may be tried again with the same key', async () => {
  const answers = createIdempotency(clock);
  const fail = async (): Promise<number> => {
    throw new Error('not now');
  };
  await expect(answers.once('owner', 'key', {}, fail)).rejects.toThrow('not now');
  expect(await answers.once('owner', 'key', {}, counter())).toBe(1);
});

test('a key is for one request', async () => {
  const answers = createIdempotency(clock);
  await answers.once('owner', 'key', { a: 1 }, counter());
  await expect(answers.once('owner', 'key', { a: 2 }, counter())).rejects.toMatchObject({
    code: 'idempotency-mismatch',
  });
});
