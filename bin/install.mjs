// Are the dependencies of the lock file here, whole? If not, they are installed; an interrupted install is repaired.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureReady } from './ready.mjs';
import { forgetFetchedNode, nodeForInstall, npmProgram, root } from './runtime.mjs';
import { runStep } from './step.mjs';

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

/** @param {InstalledParts} parts */
export const ensureInstalled = (parts) =>
  ensureReady({
    use: 'packages',
    stampFile,
    isReady: () => isInstalled(parts),
    make: () => install(parts),
    need: 'Packages have to be installed',
  });

/** @param {InstalledParts} parts */
async function install(parts) {
  // Read before: a `git pull` meanwhile brings a lock file of which nothing is here.
  const wanted = wantedState();
  const node = await nodeForInstall();
  const label = parts === 'all' ? 'Installing Corral with its tests and tools' : 'Installing Corral';
  // Said in full: NODE_ENV and npm's own settings may leave out what is needed.
  const kinds = ['--include=optional', parts === 'all' ? '--include=dev' : '--omit=dev'];
  await runStep(
    label,
    node,
    [npmProgram(), 'ci', ...kinds, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    root,
  );
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  forgetFetchedNode();
  return JSON.stringify({ ...wanted, parts });
}
