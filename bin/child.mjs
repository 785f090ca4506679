// Runs the real program as a child and behaves as if it were this process.
import { spawn } from 'node:child_process';

/** Longer than the server takes to stop by itself. */
const patienceMs = 22_000;
const parentCheckMs = 500;
const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** Read at once: by the time that a child runs it may be another already. */
const parent = process.ppid;

// What cannot be said any more (a full disk, a terminal that is gone) is no reason to leave a child alone.
process.stderr.on('error', () => undefined);

/**
 * Passes signals on while the child runs, and asks it to stop when npm goes away.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => NodeJS.Signals | null} to be called when the child is gone: what it was asked to stop with, if it was
 */
export function passSignals(child) {
  /** @type {NodeJS.Timeout | undefined} */
  let deadline;
  /** @type {NodeJS.Signals | null} */
  let asked = null;
  /** @param {NodeJS.Signals} signal */
  const stop = (signal) => {
    asked ??= signal;
    // A terminal sends Ctrl-C to the whole group, so the child may have it already, and takes it for the same one.
    child.kill(signal);
    deadline ??= setTimeout(() => child.kill('SIGKILL'), patienceMs);
  };
  const handlers = signals.map((signal) => {
    const handler = () => stop(signal);
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  const endWatch = watchNpm(() => {
    // To a stop that is under way it is no second wish.
    if (asked === null) stop('SIGTERM');
  });
  return () => {
    clearTimeout(deadline);
    endWatch();
    for (const takeOff of handlers) takeOff();
    return asked;
  };
}

/**
 * Npm passes SIGTERM badly (npm/cli#6684): it may go and leave its child alone. Whoever started the launcher without npm
 * may go as well, a shell that left it in the background for one: then it stays.
 * @param {() => void} onGone
 */
function watchNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return () => undefined;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.stderr.write('corral: npm, which started this, is gone; stopping …\n');
    onGone();
  }, parentCheckMs);
  watch.unref();
  return () => clearInterval(watch);
}

/**
 * Resolves with the exit code.
 * @param {string} command
 * @param {string[]} parameters
 * @returns {Promise<number>}
 */
export function runChild(command, parameters) {
  const child = spawn(command, parameters, { stdio: 'inherit' });
  const end = passSignals(child);
  return new Promise((resolve) => {
    child.on('error', (error) => {
      end();
      process.stderr.write(`${error.message}\n`);
      resolve(70);
    });
    child.on('exit', (code, signal) => {
      end();
      resolve(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 137));
    });
  });
}
