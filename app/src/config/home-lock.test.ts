import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLock, takeLock, untilStopped } from './home-lock.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-lock-'));
  file = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Another process that holds the lock until it is killed, or says that it stops and lets go when it is told to. */
async function otherHolder(after = '') {
  const script = `import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'home-lock.ts'))};
    const lock = takeLock(${JSON.stringify(file)}); lock.publish('http://127.0.0.1:1', 'secret'); console.log('held'); ${after} setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
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

/**
 * Two processes that want the same folder at the same moment, `rounds` times: which of them each round let in. They wait
 * for each other in a file, where each writes how far it is; no other wait ends as exactly for both.
 */
async function winners(rounds: number): Promise<number[][]> {
  const progress = join(folder, 'progress');
  writeFileSync(progress, new Uint8Array(8));
  const script = `import { openSync, readSync, writeSync } from 'node:fs';
    import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'home-lock.ts'))};
    const me = Number(process.argv[1]);
    const progress = openSync(${JSON.stringify(progress)}, 'r+');
    const [mine, others] = [new Int32Array(1), new Int32Array(1)];
    function meet() {
      mine[0]++;
      writeSync(progress, mine, 0, 4, 4 * me);
      do readSync(progress, others, 0, 4, 4 * (1 - me)); while (others[0] < mine[0]);
    }
    const won = [];
    for (let round = 0; round < ${rounds}; round++) {
      meet();
      try { takeLock(${JSON.stringify(file)} + round); won.push(round); }
      catch (error) { if (error.code !== 'home-in-use') throw error; }
    }
    meet();
    console.log(JSON.stringify(won));`;
  const children = [0, 1].map((me) =>
    spawn(process.execPath, ['--input-type=module', '-e', script, String(me)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  try {
    const said = await Promise.race([
      Promise.all(children.map((child) => text(child.stdout))),
      // Who waits for one that failed would wait for ever.
      Promise.race(children.map((child) => once(child, 'exit'))).then(([code]) =>
        code === 0 ? new Promise<never>(() => undefined) : Promise.reject(new Error(`ended with ${code}`)),
      ),
    ]);
    return said.map((list) => JSON.parse(list) as number[]);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

describe('two at the same moment', () => {
  const rounds = 100;
  it.each([
    ['no file', null],
    ['the file of one that is gone', JSON.stringify({ pid: process.pid, startTicks: '1' })],
    ['a damaged file', ''],
  ])('let one in, and leave nothing but its file, where there is %s', async (_, content) => {
    if (content !== null)
      for (let round = 0; round < rounds; round++) writeFileSync(`${file}${round}`, content);
    const [first = [], second = []] = await winners(rounds);
    expect(second.filter((round) => first.includes(round))).toEqual([]);
    expect(first.length + second.length).toBe(rounds);
    expect(readdirSync(folder)).toHaveLength(rounds + 1);
  });
});

describe('untilStopped', () => {
  it('waits for one that is stopping until it has let go, and says so once', async () => {
    const child = await otherHolder(`lock.stopping(); process.stdin.once('data', () => lock.release());`);
    let waits = 0;
    try {
      while (readLock(file)?.isStopping !== true) await delay(10);
      expect(() => takeLock(file)).toThrowError(expect.objectContaining({ code: 'home-in-use' }) as Error);
      await untilStopped(file, () => {
        waits++;
        child.stdin.write('let go');
      });
      expect(waits).toBe(1);
      takeLock(file).release();
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  it('waits no longer when the one that was stopping is gone', async () => {
    const child = await otherHolder('lock.stopping();');
    while (readLock(file)?.isStopping !== true) await delay(10);
    setTimeout(() => child.kill('SIGKILL'), 200);
    await untilStopped(file);
    expect(readLock(file)).toBeNull();
  });

  it('does not wait for one that goes on', async () => {
    const child = await otherHolder();
    try {
      await untilStopped(file, () => expect.fail('there is nothing to wait for'));
      expect(readLock(file)?.pid).toBe(child.pid);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
