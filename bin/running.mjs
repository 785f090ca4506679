// Which processes run from this clone's packages: nobody may take those away meanwhile.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, ownMark, pidOf } from './processes.mjs';
import { root } from './runtime.mjs';

const folder = join(root, '.cache', 'running');
const ownFile = join(folder, ownMark);

/** Notes this process until it ends; where the clone can only be read, nobody installs either. */
export function noteRunning() {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(ownFile, '');
    process.once('exit', forgetRunning);
  } catch {
    // A service that may only read the folder.
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

/** Ids of the others. @returns {number[]} */
export function othersRunning() {
  mkdirSync(folder, { recursive: true });
  const marks = readdirSync(folder).filter((mark) => mark !== ownMark);
  for (const mark of marks) if (!isRunning(mark)) rmSync(join(folder, mark), { force: true });
  return marks.filter(isRunning).map(pidOf);
}
