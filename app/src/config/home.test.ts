import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noteStart, prepareHome } from './home.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-home-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('prepareHome', () => {
  it('makes the folder for this user alone', () => {
    const home = prepareHome(join(folder, 'a', 'b'));
    expect(statSync(home.folder).mode & 0o777).toBe(0o700);
    expect(statSync(home.models).isDirectory()).toBe(true);
  });

  it('is started in for the first time once, also where it was there before', () => {
    const home = prepareHome(folder);
    expect(noteStart(home)).toBe(true);
    expect(noteStart(prepareHome(folder))).toBe(false);
  });

  it('was started in before where an older version left its parts', () => {
    mkdirSync(join(folder, 'models'));
    expect(noteStart(prepareHome(folder))).toBe(false);
  });

  it('says why a folder cannot be used', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => prepareHome(join(folder, 'file', 'home'))).toThrowError(
      expect.objectContaining({
        code: 'home-not-writable',
        message: expect.stringContaining('is a file') as string,
      }) as Error,
    );
    expect(() => prepareHome('/proc/corral')).toThrowError(
      expect.objectContaining({ code: 'home-not-writable' }) as Error,
    );
  });
});
