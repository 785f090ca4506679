import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aliases } from '../src/config/layers.ts';
import { settingNames, settings } from '../src/config/settings.ts';
import { nodeFlags } from '../../bin/runtime.mjs';

export const root = join(import.meta.dirname, '..', '..');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Program {
  process: ChildProcess;
  ended: Promise<Ended>;
  /** What it wrote to standard output so far. */
  output(): string;
  /** What it wrote to standard error so far. */
  errors(): string;
}

export interface ProgramOptions {
  environment?: Record<string, string>;
  /** Through `bin/corral.mjs` instead of straight into app/src/main.ts. */
  launcher?: boolean;
  folder?: string;
  /** Words to put before the command. */
  before?: string[];
  /** Keeps its standard input open for what the test writes; else there is none. */
  input?: 'pipe';
}

/**
 * Words before a command that give it a terminal; what is written to its standard input is typed there. The shell that
 * `script` starts, which may be any, makes way for it: one that waited would get Ctrl-C as well, and its exit code count.
 */
export const inTerminal = ['bash', '-c', 'exec script -qefc "exec ${*@Q}" /dev/null', 'bash'];

const settingVariables = new Set([...settingNames.map((name) => settings[name].env), ...aliases.keys()]);

/** What a user's shell would give, and nothing of the test runner's own settings or of what this clone is run with. */
export function cleanEnvironment(extra: Record<string, string>): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) =>
      value !== undefined &&
      !settingVariables.has(name) &&
      !/^(CORRAL_|HF_|LOGGING_|VITEST|NODE_ENV)/.test(name),
  );
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    CI: 'true',
    // A folder without settings, in place of the clone.
    CORRAL_TEST_SETTINGS: import.meta.dirname,
    ...extra,
  };
}

/** Starts `corral` with the given arguments. */
export function startProgram(parameters: string[], options: ProgramOptions = {}): Program {
  const entry = options.launcher
    ? [join(root, 'bin', 'corral.mjs')]
    : [...nodeFlags, join(root, 'app', 'src', 'main.ts')];
  const [command = '', ...words] = [...(options.before ?? []), process.execPath, ...entry, ...parameters];
  const child = spawn(command, words, {
    cwd: options.folder ?? root,
    env: cleanEnvironment(options.environment ?? {}),
    stdio: [options.input ?? 'ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    stdout,
    stderr,
  }));
  return { process: child, ended, output: () => stdout, errors: () => stderr };
}

export function runProgram(parameters: string[], options: ProgramOptions = {}): Promise<Ended> {
  return startProgram(parameters, options).ended;
}

/** A folder that is gone after the test, also where a program that is just ending still writes into it. */
export function temporaryFolder(onCleanup: (cleanup: () => void) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'corral-test-'));
  onCleanup(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

export interface RunningServer {
  address: string;
  home: string;
  program: Program;
  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended>;
}

/** A real server on a port of its own; resolves once it says where it answers. */
export async function startServer(
  home: string,
  options: ProgramOptions & { parameters?: string[] } = {},
): Promise<RunningServer> {
  const program = startProgram(['serve', '--port', '0', ...(options.parameters ?? [])], {
    ...options,
    environment: { CORRAL_HOME: home, ...options.environment },
  });
  const address = await new Promise<string>((resolve, reject) => {
    program.process.stdout?.on('data', () => {
      const match = /answers at (https?:\/\/\S+)/.exec(program.output());
      if (match?.[1]) resolve(match[1]);
    });
    void program.ended.then((ended) => reject(new Error(`the server ended: ${ended.stderr}`)));
  });
  return {
    address,
    home,
    program,
    stop: () => {
      program.process.kill('SIGTERM');
      return program.ended;
    },
  };
}
