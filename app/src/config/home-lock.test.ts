import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLock, takeLock } from './home-lock.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-lock-'));
  file = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Another process that holds the lock until it is killed. */
async function otherHolder() {
  const script = `import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'home-lock.ts'))};
    takeLock(${JSON.stringify(file)}).publish('http://127.0.0.1:1', 'secret'); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('takeLock', () => {
  it('keeps a second one out while the first still runs, and says who it is', async () => {
    const child = await otherHolder();
    try {
      expect(() => takeLock(file)).toThrowError(expect.objectContaining({ code: 'home-in-use' }) as Error);
      expect(() => takeLock(file)).toThrowError(/http:\/\/127\.0\.0\.1:1/);
      expect(readLock(file)).toMatchObject({ pid: child.pid, token: 'secret' });
      expect(statSync(file).mode & 0o777).toBe(0o600);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const lock = takeLock(file);
    expect(readLock(file)?.pid).toBe(process.pid);
    lock.release();
    expect(readLock(file)).toBeNull();
  });

  it('is not fooled by a process id that was given to another process', () => {
    writeFileSync(file, JSON.stringify({ pid: process.pid, startTicks: '1' }));
    takeLock(file).release();
  });

  it.each(['', '{', '{"pid": -1}', 'null', '{"pid": 1e99}'])('takes over a damaged file %j', (content) => {
    writeFileSync(file, content);
    takeLock(file);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid });
  });
});
