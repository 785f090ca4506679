// What this clone runs from, its packages and its page: made where it is not there, whole, by one process at a time, and
// never under another one that uses it.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { forgetRunning, noteRunning, othersRunning } from './running.mjs';
import { inTurn } from './turns.mjs';

/**
 * `make` gives the text of the stamp, which stands for what it made and is there with all of it or not at all.
 * @typedef {object} Part
 * @property {import('./running.mjs').Use} use
 * @property {string} stampFile
 * @property {() => boolean} isReady
 * @property {() => Promise<string>} make
 * @property {string} need what there is to be done, for somebody who has to stop a Corral for it
 */

/** From here to the end of this process it stays. @param {Part} part */
export async function ensureReady(part) {
  for (;;) {
    if (!part.isReady()) {
      await inTurn(async () => {
        // Whoever had the turn before may have made it.
        if (!part.isReady()) await makeAnew(part);
      });
    }
    // Noted first, looked at then: who began to make it in between has seen the note, or the missing stamp is seen here.
    noteRunning(part.use);
    if (part.isReady()) return;
    forgetRunning(part.use);
  }
}

/** @param {Part} part */
async function makeAnew({ use, stampFile, make, need }) {
  // The stamp goes first and comes back last: without it the next start makes all of it again.
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : null;
  rmSync(stampFile, { force: true });
  const others = othersRunning(use);
  if (others.length > 0) {
    if (stamp !== null) writeFileSync(stampFile, stamp);
    throw new Error(
      `${need}, which would take away what a Corral uses that runs from this folder (process ${others.join(', ')}). Stop it, then start again.`,
    );
  }
  writeFileSync(stampFile, await make());
}
