// Runs the real program as a child and behaves as if it were this process.
import { spawn } from 'node:child_process';

/** Longer than the server takes to stop by itself. */
const patienceMs = 22_000;
const parentCheckMs = 500;

/**
 * Resolves with the exit code. Signals are passed on; when the parent (npm, which passes SIGTERM badly:
 * npm/cli#6684) goes away, the child is asked to stop as well.
 * @param {string} command
 * @param {string[]} parameters
 * @returns {Promise<number>}
 */
export function runChild(command, parameters) {
  const child = spawn(command, parameters, { stdio: 'inherit' });
  /** @type {NodeJS.Timeout | undefined} */
  let deadline;
  /** @param {NodeJS.Signals} signal */
  const stop = (signal) => {
    child.kill(signal);
    deadline ??= setTimeout(() => child.kill('SIGKILL'), patienceMs);
  };
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    // A terminal sends Ctrl-C to the whole group, so the child has it already.
    process.on(signal, () => stop(signal === 'SIGINT' && process.stdin.isTTY ? 'SIGCONT' : signal));
  }
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) {
      clearInterval(watch);
      stop('SIGTERM');
    }
  }, parentCheckMs);
  watch.unref();
  return new Promise((resolve) => {
    child.on('error', (error) => {
      process.stderr.write(`${error.message}\n`);
      resolve(70);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(deadline);
      clearInterval(watch);
      resolve(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 137));
    });
  });
}
