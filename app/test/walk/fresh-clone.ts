import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, freePort, root } from '../program.ts';

/** What a newcomer has after `git clone`: the files, an empty HOME, and a machine with Node and npm. */
export interface FreshClone {
  address: string;
  home: string;
  /** `npm start`, until the page answers. */
  start(): Promise<void>;
  /** Ctrl-C, until nothing answers any more. */
  stop(): Promise<void>;
}

const startLimitMs = 600_000;
const stopLimitMs = 60_000;

export async function cloneAfresh(folder: string, environment: Record<string, string>): Promise<FreshClone> {
  const [clone, home] = [join(folder, 'clone'), join(folder, 'home')];
  execFileSync('git', ['clone', '--quiet', root, clone]);
  mkdirSync(home);
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  let running: ChildProcess | null = null;
  const answers = () =>
    fetch(address).then(
      (response) => response.ok,
      () => false,
    );
  async function until(wanted: boolean, limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while ((await answers()) !== wanted) {
      if (performance.now() > deadline)
        throw new Error(`${address} answers: ${!wanted}, after ${limitMs} ms`);
      if (running?.exitCode !== null && wanted) throw new Error('npm start ended');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    address,
    home,
    async start() {
      running = spawn('npm', ['start'], {
        cwd: clone,
        // npm's own variables of the test run would lead it back into this checkout.
        env: { ...plainEnvironment(), HOME: home, PORT: String(port), CI: 'true', ...environment },
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      await until(true, startLimitMs);
    },
    async stop() {
      if (!running) return;
      const ended = once(running, 'exit');
      running.kill('SIGTERM');
      await ended;
      running = null;
      await until(false, stopLimitMs);
    },
  };
}

function plainEnvironment(): Record<string, string> {
  const isOurs = /^(?:npm_(?!config_(?:registry|cache))|CORRAL_|HF_|VITEST|NODE_)/;
  const plain = Object.entries(cleanEnvironment({})).filter(([name]) => !isOurs.test(name));
  // What the clone needs may lie behind one.
  const proxies = Object.entries(process.env).filter(([name]) => /^(?:https?|no)_proxy$/i.test(name));
  return Object.fromEntries([...plain, ...proxies]) as Record<string, string>;
}
