// Are the dependencies of the lock file here, whole? If not, they are installed; an interrupted install is repaired.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forgetFetchedNode, nodeForInstall, npmProgram, root } from './runtime.mjs';
import { runStep } from './step.mjs';

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

/**
 * @param {'production' | 'all'} parts what is needed; an install of all parts serves both
 */
export async function ensureInstalled(parts) {
  const wanted = wantedState();
  const installed = installedState();
  const isSame = installed.lock === wanted.lock && installed.platform === wanted.platform;
  if (isSame && (installed.parts === 'all' || installed.parts === parts)) return;
  // The stamp goes first and comes back last: without it the next start installs again.
  if (existsSync(stampFile)) rmSync(stampFile);
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
