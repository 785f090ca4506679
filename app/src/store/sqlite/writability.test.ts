import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { AppError } from '../../contracts/app-error.ts';
import { Writability } from './writability.ts';

/** More than any disk has free. */
const reserve = { owedBytes: () => Number.MAX_SAFE_INTEGER };

test('on a full disk only what somebody wrote, as large as what was refused, proves that there is room', () => {
  const writability = new Writability(tmpdir(), reserve);
  writability.refused(new AppError('disk-full', 'full'), ['me', 'a'.repeat(50)]);
  expect(writability.isWritable()).toBe(false);
  writability.taken('leaseJob', [{ kinds: ['a'.repeat(500)] }]);
  writability.taken('createChat', ['me', 'a']);
  expect(writability.isWritable()).toBe(false);
  writability.taken('createChat', ['me', 'a'.repeat(50)]);
  expect(writability.isWritable()).toBe(true);
});

test('where it was not room that lacked, any call that is taken will do', () => {
  const writability = new Writability(tmpdir(), reserve);
  writability.refused(new AppError('home-not-writable', 'read-only'), ['me', 'a'.repeat(50)]);
  expect(writability.isWritable()).toBe(false);
  writability.taken('leaseJob', [{ kinds: [] }]);
  expect(writability.isWritable()).toBe(true);
});
