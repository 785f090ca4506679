// A long step that shows that it goes on, and what it printed when it failed.
import { spawn } from 'node:child_process';
import { passSignals } from './child.mjs';

/**
 * Runs a program quietly. On a terminal the line counts seconds, elsewhere it is printed at the start and the end.
 * @param {string} label
 * @param {string} command
 * @param {string[]} parameters
 * @param {string} folder
 */
export async function runStep(label, command, parameters, folder) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const isTerminal = process.stderr.isTTY === true;
  if (!isTerminal) process.stderr.write(`${label} …\n`);
  const timer = setInterval(() => {
    if (isTerminal) process.stderr.write(`\r\u001B[2K${label} … ${seconds()} s`);
  }, 250);
  const { code, output, stopped } = await capture(command, parameters, folder);
  clearInterval(timer);
  if (isTerminal) process.stderr.write('\r\u001B[2K');
  // Not before its program has ended: whoever starts next would work in the same folder at the same time.
  if (stopped !== null) process.kill(process.pid, stopped);
  if (code !== 0) {
    throw new Error(
      `${label} failed.\n${output.trim()}\nStart again to go on; what is half done is repaired.`,
    );
  }
  process.stderr.write(`${label}: done in ${seconds()} s\n`);
}

/**
 * @param {string} command
 * @param {string[]} parameters
 * @param {string} folder
 * @returns {Promise<{ code: number | null, output: string, stopped: NodeJS.Signals | null }>}
 */
function capture(command, parameters, folder) {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const end = passSignals(child);
    let output = '';
    /** @param {Buffer} chunk */
    const collect = (chunk) => {
      output = (output + chunk.toString()).slice(-20_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: 1, output: String(error), stopped: end() }));
    child.on('close', (code) => resolve({ code, output, stopped: end() }));
  });
}
