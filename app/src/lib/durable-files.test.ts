import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyDurably } from './durable-files.ts';

describe('a durable copy', () => {
  let folder: string;
  let from: string;
  let to: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'corral-copy-'));
    from = join(folder, 'from');
    to = join(folder, 'to');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('takes the place of an earlier one, and may be written where its original may not', async () => {
    writeFileSync(from, 'the original', { mode: 0o444 });
    writeFileSync(to, 'an earlier copy, which was longer', { mode: 0o444 });
    // Root may write over anything; that it is another file shows that nobody has to.
    const earlier = openSync(to, 'r');
    await copyDurably(from, to);
    expect(readFileSync(earlier, 'utf8')).toBe('an earlier copy, which was longer');
    closeSync(earlier);
    expect(readFileSync(to, 'utf8')).toBe('the original');
    expect(statSync(to).mode & 0o777).toBe(0o600);
  });
});
