// One process of this clone at a time installs and builds; whoever comes second waits.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isRunning, ownMark, pidOf } from './processes.mjs';
import { root } from './runtime.mjs';

const lockFile = join(root, '.cache', 'turn');
const lookEveryMs = 100;

/** What `work` makes may be there already when its turn comes. @param {() => Promise<void>} work */
export async function inTurn(work) {
  await takeTurn();
  try {
    await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

async function takeTurn() {
  const draft = `${lockFile}.${ownMark}`;
  try {
    mkdirSync(dirname(lockFile), { recursive: true });
    writeFileSync(draft, ownMark);
  } catch (error) {
    const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error);
    if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) throw error;
    throw new Error(
      `Something has to be installed or built in ${root}, where this user may not write (${code}). Run \`node bin/corral.mjs serve --help\` there once as a user who may, then start again.`,
      { cause: error },
    );
  }
  try {
    let hasSaid = false;
    while (!isTaken(draft)) {
      const holder = readHolder(lockFile);
      // It was let go since.
      if (holder === null) continue;
      if (!isRunning(holder)) {
        putAside(holder);
        continue;
      }
      if (!hasSaid)
        process.stderr.write(`Waiting for process ${pidOf(holder)}, which is setting Corral up …\n`);
      hasSaid = true;
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A link is there with all of its content at once: nobody sees a lock without a name. @param {string} draft */
function isTaken(draft) {
  try {
    linkSync(draft, lockFile);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** Null: nobody has it. One that cannot be read stops the start, since nobody knows whether it still holds. @param {string} file */
function readHolder(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return null;
    throw error;
  }
}

/** The lock of a process that is gone. @param {string} holder */
function putAside(holder) {
  const aside = `${lockFile}.gone-${ownMark}`;
  try {
    renameSync(lockFile, aside);
  } catch {
    // Somebody else did.
    return;
  }
  // Where another took its turn since the look, it keeps it.
  if (readHolder(aside) !== holder) isTaken(aside);
  rmSync(aside, { force: true });
}
