// Are the dependencies of the lock file here, whole? If not, they are installed; an interrupted install is repaired, and
// two that begin at once take turns.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forgetRunning, noteRunning, othersRunning } from './running.mjs';
import { forgetFetchedNode, nodeForInstall, npmProgram, root } from './runtime.mjs';
import { runStep } from './step.mjs';
import { inTurn } from './turns.mjs';

/** What is needed; an install of all parts serves both. @typedef {'production' | 'all'} InstalledParts */

const stampFile = join(root, 'node_modules', '.corral-installed.json');

/** What must not have changed since the last whole install. */
function wantedState() {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return { lock: hash, platform: `${process.platform}-${process.arch}` };
}

/** @returns {{ lock?: string, platform?: string, parts?: string }} */
function installedState() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

/** @param {InstalledParts} parts */
function isInstalled(parts) {
  const wanted = wantedState();
  const installed = installedState();
  const isSame = installed.lock === wanted.lock && installed.platform === wanted.platform;
  return isSame && (installed.parts === 'all' || installed.parts === parts);
}

/** From here to the end of this process its packages stay. @param {InstalledParts} parts */
export async function ensureInstalled(parts) {
  for (;;) {
    if (!isInstalled(parts)) {
      await inTurn(async () => {
        // Whoever had the turn before may have installed it.
        if (!isInstalled(parts)) await install(parts);
      });
    }
    // Noted first, looked at then: an install that began in between has seen the note, or its missing stamp is seen here.
    noteRunning();
    if (isInstalled(parts)) return;
    forgetRunning();
  }
}

/** @param {InstalledParts} parts */
async function install(parts) {
  // The stamp goes first and comes back last: without it the next start installs again.
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : null;
  rmSync(stampFile, { force: true });
  const others = othersRunning();
  if (others.length > 0) {
    if (stamp !== null) writeFileSync(stampFile, stamp);
    throw new Error(
      `Packages have to be installed, which would take them from the Corral that runs from this folder (process ${others.join(', ')}). Stop it, then start again.`,
    );
  }
  // Read before: a `git pull` meanwhile brings a lock file of which nothing is here.
  const wanted = wantedState();
  const node = await nodeForInstall();
  const label = parts === 'all' ? 'Installing Corral with its tests and tools' : 'Installing Corral';
  const omit = parts === 'all' ? [] : ['--omit=dev'];
  await runStep(
    label,
    node,
    [npmProgram(), 'ci', ...omit, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    root,
  );
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stampFile, JSON.stringify({ ...wanted, parts }));
  forgetFetchedNode();
}
