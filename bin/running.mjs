// Which processes run from this clone's packages: nobody may take those away meanwhile.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, ownMark, pidOf } from './processes.mjs';
import { root } from './runtime.mjs';

const folder = join(root, '.cache', 'running');
const ownFile = join(folder, ownMark);

/** Notes this process until it ends. */
export function noteRunning() {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(ownFile, '');
    process.once('exit', forgetRunning);
  } catch {
    // A user that may only read the clone, as a service does. Others find its program in the list of processes.
  }
}

export function forgetRunning() {
  process.off('exit', forgetRunning);
  try {
    rmSync(ownFile, { force: true });
  } catch {
    // Then who looks next sees that the process is gone.
  }
}

/** Ids of the others, of every user. @returns {number[]} */
export function othersRunning() {
  mkdirSync(folder, { recursive: true });
  const marks = readdirSync(folder).filter((mark) => mark !== ownMark);
  for (const mark of marks) if (!isRunning(mark)) rmSync(join(folder, mark), { force: true });
  const noted = marks.filter(isRunning).map(pidOf);
  return noted.length > 0 ? noted : programsRunning();
}

const program = join(root, 'app', 'src', 'main.ts');

/** What the launcher starts, where the system lists its processes; also one whose launcher was killed. */
function programsRunning() {
  try {
    return readdirSync('/proc').map(Number).filter(runsProgram);
  } catch {
    return [];
  }
}

/** @param {number} pid */
function runsProgram(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(program);
  } catch {
    // No process, or one that ended meanwhile.
    return false;
  }
}
