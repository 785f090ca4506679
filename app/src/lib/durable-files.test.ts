import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyDurably } from './durable-files.ts';

/** Where no file system shares the bytes of a copy with its original, so that they are copied. */
const unshared = '/dev/shm';

describe('a durable copy', () => {
  let folder: string;
  let from: string;
  let to: string;
  beforeEach(() => {
    folder = mkdtempSync(join(unshared, 'corral-copy-'));
    from = join(folder, 'from');
    to = join(folder, 'to');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('takes the place of an earlier one, and may be written where its original may not', async () => {
    writeFileSync(from, 'the original', { mode: 0o444 });
    writeFileSync(to, 'an earlier copy, which was longer', { mode: 0o444 });
    // Root may write over anything; that it is another file shows that nobody has to.
    const earlier = openSync(to, 'r');
    await copyDurably(from, to, { onProgress: () => undefined, signal: new AbortController().signal });
    expect(readFileSync(earlier, 'utf8')).toBe('an earlier copy, which was longer');
    closeSync(earlier);
    expect(readFileSync(to, 'utf8')).toBe('the original');
    expect(statSync(to).mode & 0o777).toBe(0o600);
  });

  it('says how far it is, and stops when it is told to', async () => {
    const sizeBytes = 256 << 20;
    writeFileSync(from, '');
    truncateSync(from, sizeBytes);
    const stopping = new AbortController();
    const done: number[] = [];
    const onProgress = (bytes: number): void => {
      done.push(bytes);
      if (done.length === 2) stopping.abort();
    };
    await expect(copyDurably(from, to, { onProgress, signal: stopping.signal })).rejects.toThrow('aborted');
    expect(done[0]).toBeGreaterThan(0);
    expect(statSync(to).size).toBeLessThan(sizeBytes);
  });

  it('that is stopped before it begins is refused, and ends nothing else', async () => {
    writeFileSync(from, 'the original');
    const copying = copyDurably(from, to, { signal: AbortSignal.abort(), onProgress: () => undefined });
    await expect(copying).rejects.toMatchObject({ name: 'AbortError' });
  });
});
