import { expect, test } from 'vitest';
import { Suspects } from './suspects.ts';

test('who is stopped while it waits leaves at once; those behind it still wait for those before', async () => {
  const suspects = new Suspects();
  const never = new AbortController().signal;
  const stopping = new AbortController();
  const endFirst = await suspects.turn('model', never);
  const second = suspects.turn('model', stopping.signal);
  let isThird = false;
  const third = suspects.turn('model', never).then((end) => {
    isThird = true;
    return end;
  });
  stopping.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  await expect(suspects.turn('model', stopping.signal)).rejects.toMatchObject({ code: 'cancelled' });
  expect(isThird).toBe(false);
  endFirst();
  (await third)();
  await suspects.turn('model', never);
});
