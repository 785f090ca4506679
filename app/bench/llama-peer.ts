import { execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Program of llama.cpp named by the environment; null where it is not. */
export function peerProgram(variable: 'LLAMA_BENCH' | 'LLAMA_SERVER'): string | null {
  const path = process.env[variable] ?? '';
  return path !== '' && existsSync(path) ? path : null;
}

/**
 * A copy of llama-bench that computes with the very libraries that our engine loads: beside it lie links to them under
 * the names that it was linked against.
 */
export class LlamaBench {
  readonly #folder: string;
  readonly #program: string;

  constructor(program: string, librariesDirectory: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'corral-peer-'));
    this.#program = join(this.#folder, basename(program));
    copyFileSync(program, this.#program);
    for (const name of readdirSync(librariesDirectory).filter((file) => file.includes('.so'))) {
      const target = join(librariesDirectory, name);
      symlinkSync(target, join(this.#folder, name));
      const linked = name.replace(/(\.v[\d.]+)?\.so$/u, '.so.0');
      if (!name.startsWith('libggml-cpu')) symlinkSync(target, join(this.#folder, linked));
    }
    const own = readdirSync(dirname(program)).filter((file) => file.startsWith('libllama-bench-impl'));
    for (const name of own) symlinkSync(join(dirname(program), name), join(this.#folder, name));
  }

  /** Tokens a second; flash attention on and off, whichever is faster. */
  async generate(
    model: string,
    options: { tokens: number; depth: number; threads: number },
  ): Promise<number> {
    const { tokens, depth, threads } = options;
    const words = [
      '-m',
      model,
      '-p',
      '0',
      '-n',
      tokens,
      '-d',
      depth,
      '-t',
      threads,
      '-r',
      '1',
      '-fa',
      '0,1',
      '-o',
      'json',
    ];
    const { stdout } = await run(this.#program, words.map(String), {
      env: { LD_LIBRARY_PATH: this.#folder },
      cwd: this.#folder,
    });
    const results = JSON.parse(stdout) as { avg_ts: number }[];
    return Math.max(...results.map((result) => result.avg_ts));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

export interface Service {
  url: string;
  close(): Promise<void>;
}

/** Starts a program that answers HTTP, and waits until it does. */
export async function startService(options: {
  command: string;
  words: (port: number) => string[];
  environment?: Record<string, string>;
  ready: string;
}): Promise<Service> {
  const port = await freePort();
  const child = spawn(options.command, options.words(port), {
    env: { PATH: process.env['PATH'] ?? '', ...options.environment, PORT: String(port) },
    stdio: ['ignore', 'ignore', process.env['BENCH_VERBOSE'] === undefined ? 'ignore' : 'inherit'],
  });
  const gone = new Promise<never>((_, reject) => {
    child.once('exit', (code) => reject(new Error(`${options.command} ended with ${code}`)));
  });
  gone.catch(() => undefined);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 600; tries++) {
    const isReady = await Promise.race([
      fetch(url + options.ready).then(
        (answer) => answer.ok,
        () => false,
      ),
      gone,
    ]);
    if (isReady) break;
    await delay(100);
  }
  return {
    url,
    close: async () => {
      child.removeAllListeners('exit');
      const left = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([left, delay(10_000)]);
      child.kill('SIGKILL');
    },
  };
}

export function startLlamaServer(program: string, model: string, words: string[]): Promise<Service> {
  return startService({
    command: program,
    words: (port) => ['-m', model, '--host', '127.0.0.1', '--port', String(port), '--no-webui', ...words],
    ready: '/health',
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
