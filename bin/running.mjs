// Which processes use this clone's packages, and which its page: nobody may take those away meanwhile.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, ownMark, pidOf } from './processes.mjs';
import { root } from './runtime.mjs';

const uses = /** @type {const} */ (['packages', 'page']);
/** @typedef {typeof uses[number]} Use */

/** @param {Use} use */
const folderOf = (use) => join(root, '.cache', 'uses', use);

process.once('exit', () => uses.forEach(forgetRunning));

/** Notes this process until it ends. @param {Use} use */
export function noteRunning(use) {
  try {
    mkdirSync(folderOf(use), { recursive: true });
    writeFileSync(join(folderOf(use), ownMark), '');
  } catch {
    // A user that may only read the clone, as a service does. Others find its program in the list of processes.
  }
}

/** @param {Use} use */
export function forgetRunning(use) {
  try {
    rmSync(join(folderOf(use), ownMark), { force: true });
  } catch {
    // Then who looks next sees that the process is gone.
  }
}

/** Ids of the others, of every user. @param {Use} use @returns {number[]} */
export function othersRunning(use) {
  const folder = folderOf(use);
  mkdirSync(folder, { recursive: true });
  const marks = readdirSync(folder).filter((mark) => mark !== ownMark);
  for (const mark of marks) if (!isRunning(mark)) rmSync(join(folder, mark), { force: true });
  const noted = marks.filter(isRunning).map(pidOf);
  return noted.length > 0 ? noted : programsRunning(use);
}

const program = join(root, 'app', 'src', 'main.ts');

/** What the launcher starts, where the system lists its processes; also one whose launcher was killed. @param {Use} use */
function programsRunning(use) {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => isUsing(pid, use));
  } catch {
    return [];
  }
}

/** @param {number} pid @param {Use} use */
function isUsing(pid, use) {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes(program) && (use === 'packages' || words.includes('serve'));
  } catch {
    // No process, or one that ended meanwhile.
    return false;
  }
}
