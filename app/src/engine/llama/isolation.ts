import { spawn } from 'node:child_process';

export interface Isolation {
  /** Words to put before the command. */
  words: readonly string[];
  isNetworkIsolated: boolean;
  /** Why not, where it is not. */
  reason: string | null;
}

const candidates: readonly (readonly string[])[] = [
  // A namespace of its own for users and network, which no privilege is needed for; the user stays the same.
  ['unshare', '--user', '--map-current-user', '--net', '--'],
  ['unshare', '--user', '--map-root-user', '--net', '--'],
];
const trialMs = 5_000;

/** Tries what this machine allows to take the network from a child. */
export async function findIsolation(): Promise<Isolation> {
  if (process.platform !== 'linux') {
    return { words: [], isNetworkIsolated: false, reason: `not supported on ${process.platform}` };
  }
  let reason = 'unshare is not installed';
  for (const words of candidates) {
    const failure = await tryOut([...words, process.execPath, '--version']);
    if (failure === null) return { words, isNetworkIsolated: true, reason: null };
    reason = failure;
  }
  return { words: [], isNetworkIsolated: false, reason };
}

/** Null when it ran. */
function tryOut(command: readonly string[]): Promise<string | null> {
  const [program = '', ...words] = command;
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), trialMs);
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString().slice(0, 300)));
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? null : said.trim() || `it ended with ${code}`);
    });
  });
}
