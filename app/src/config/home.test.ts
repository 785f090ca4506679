import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noteStart, prepareHome } from './home.ts';

/** In a process of its own, for which a folder of somebody else is what it is for an ordinary user. */
function answerTo(home: string): string {
  const module = JSON.stringify(new URL('home.ts', import.meta.url).href);
  const program = `
    import { prepareHome } from ${module};
    try {
      prepareHome(process.argv[1]);
      console.log('taken');
    } catch ({ code, message, hint }) {
      console.log(code, message, hint);
    }
  `;
  const line = [process.execPath, '--input-type=module', '-e', program, home];
  const [command, ...parameters] = isRoot ? ['setpriv', '--bounding-set=-fowner', ...line] : line;
  return spawnSync(command!, parameters, { encoding: 'utf8' }).stdout;
}

const isRoot = process.getuid?.() === 0;

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

  it('says of a folder of somebody else, which this user may write, that it cannot be closed to others', () => {
    if (isRoot) {
      chmodSync(folder, 0o777);
      chownSync(folder, 65_534, 65_534);
    }
    // Nobody but the superuser can give a folder away; that one is his, and anybody's to write.
    const answer = answerTo(isRoot ? folder : '/tmp');
    expect(answer).toMatch(/^home-not-writable .* since it belongs to another user Give it to this user/u);
  });

  it('takes a folder of somebody else that is closed to others already', () => {
    if (isRoot) chownSync(folder, 65_534, 65_534);
    expect(answerTo(folder)).toBe('taken\n');
  });
});
