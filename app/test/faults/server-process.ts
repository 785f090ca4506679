import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ownNamespace } from '../fixtures/small-disk.ts';
import { type Ended, type RunningServer, startServer } from '../program.ts';

export interface ServerProcessOptions {
  home: string;
  /** Outside of the home: how far its clock is off. */
  clockFile: string;
  environment?: Record<string, string>;
  /**
   * What CORRAL_HOME lies on, as the server alone sees it: a disk of its own of so many MB, gone with the server, which
   * takes its log as well; or the folder itself, which only reads.
   */
  disk?: number | 'read-only';
}

/** What a server with a disk of its own says on standard error, in its CORRAL_HOME. */
export const logName = 'log';

/** `corral serve` as a process to be hurt. */
export class ServerProcess {
  readonly #options: ServerProcessOptions;
  readonly pid: number;
  readonly address: string;
  readonly #server: RunningServer;

  private constructor(options: ServerProcessOptions, server: RunningServer) {
    this.#options = options;
    this.#server = server;
    this.address = server.address;
    // `unshare` and `sh` become the server: each replaces itself.
    this.pid = server.program.process.pid ?? 0;
  }

  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const { home, clockFile, disk } = options;
    const begin =
      disk === 'read-only'
        ? `mount --bind ${home} ${home} && mount -o remount,ro,bind ${home} && exec "$@"`
        : `mount -t tmpfs -o size=${disk}m none ${home} && exec "$@" 2>>${join(home, logName)}`;
    const clock = join(import.meta.dirname, 'jumping-clock.mjs');
    const server = await startServer(home, {
      environment: {
        NODE_OPTIONS: `--import=${clock}`,
        JUMPING_CLOCK_FILE: clockFile,
        ...options.environment,
      },
      ...(disk === undefined ? {} : { before: [...ownNamespace, 'sh', '-c', begin, 'sh'] }),
    });
    return new ServerProcess(options, server);
  }

  /** The next one in the same home. */
  again(): Promise<ServerProcess> {
    return ServerProcess.start(this.#options);
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  async kill(): Promise<void> {
    this.#server.program.process.kill('SIGKILL');
    await this.#server.program.ended;
  }

  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended> {
    return this.#server.stop();
  }

  /** Paths of CORRAL_HOME as the server sees them, its own disk included. */
  inside(...path: string[]): string {
    return join('/proc', String(this.pid), 'root', this.#options.home, ...path);
  }

  /** Pids of its engine children that are running now. */
  engines(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && isChild(pid, this.pid));
  }

  async waitForEngine(withinMs: number): Promise<number> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const [pid] = this.engines();
      if (pid !== undefined) return pid;
      if (performance.now() > deadline) throw new Error(`no engine after ${withinMs} ms`);
      await pause(50);
    }
  }

  /** Writing a file beyond that is an error of the disk; `prlimit` needs no rights for one's own processes. */
  limitFileSize(bytes: number | 'unlimited'): void {
    execFileSync('prlimit', ['--pid', String(this.pid), `--fsize=${bytes}:`]);
  }

  /** From now on the server reads a time that is off by so much. */
  jumpClock(offsetMs: number): void {
    writeFileSync(this.#options.clockFile, String(offsetMs));
    this.signal('SIGUSR2');
  }
}

function isChild(pid: number, parent: number): boolean {
  try {
    const isOurs = new RegExp(`^PPid:\\s+${parent}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return isOurs && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('llama.child');
  } catch {
    // Gone meanwhile.
    return false;
  }
}
