import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import { createCrashHistory, type CrashHistory } from './crash-history.ts';

let folder: string;
let now: number;
let history: CrashHistory;
const crash = { reason: 'SIGSEGV', isTheFilesFault: true };
const start = (path = join(folder, 'crashes.json')): CrashHistory =>
  createCrashHistory(path, { now: () => now }, silentLog);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-crashes-'));
  now = 1_000_000;
  history = start();
});
afterEach(() => rmSync(folder, { recursive: true }));

test('each crash doubles the wait, up to a minute; an answer ends it', () => {
  expect(history.backoffMs('a')).toBe(0);
  const waits = Array.from({ length: 9 }, () => {
    history.record('a', { reason: 'killed', isTheFilesFault: false });
    return history.backoffMs('a');
  });
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  now += 59_000;
  expect(history.backoffMs('a')).toBe(1000);
  history.recordSuccess('a');
  expect(history.backoffMs('a')).toBe(0);
  expect(() => history.check('a')).not.toThrow();
});

test('the wait is never longer than meant, though the clock was ahead when it ended', () => {
  history.record('a', { reason: 'killed', isTheFilesFault: false });
  now -= 3_600_000;
  expect(history.backoffMs('a')).toBe(500);
});

test('two crashes within the hour are one too many; two far apart are not', () => {
  history.record('far', crash);
  now += 2 * 3_600_000;
  history.record('far', crash);
  expect(() => history.check('far')).not.toThrow();
  history.record('near', crash);
  now += 60_000;
  history.record('near', crash);
  expect(() => history.check('near')).toThrow(expect.objectContaining({ code: 'model-quarantined' }));
  expect(() => start().check('near')).toThrow(/SIGSEGV/u);
  expect(statSync(join(folder, 'crashes.json')).mode & 0o777).toBe(0o600);
});

test('one crash or a word of damage makes a file doubted, until somebody made sure of it', () => {
  history.record('killed', { reason: 'SIGKILL', isTheFilesFault: false });
  history.record('fell', crash);
  history.doubt('damaged');
  expect(['killed', 'fell', 'damaged', 'good'].map((sha256) => history.isDoubted(sha256))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  history.record('fell', crash);
  for (const sha256 of ['fell', 'damaged']) {
    expect(history.release(sha256)).toBe(true);
    expect(history.isDoubted(sha256)).toBe(false);
    expect(history.backoffMs(sha256)).toBe(0);
  }
  expect(() => start().check('fell')).not.toThrow();
});

test('a damaged file is as good as none', () => {
  writeFileSync(join(folder, 'crashes.json'), '{"a": 7');
  expect(start().quarantined()).toEqual([]);
});

test('where nothing can be written, crashes count until the server ends', () => {
  history = start(join(folder, 'missing/crashes.json'));
  history.record('a', crash);
  history.record('a', crash);
  expect(() => history.check('a')).toThrow(expect.objectContaining({ code: 'model-quarantined' }));
  expect(history.release('a')).toBe(true);
});
