// Which Node runs Corral. Plain JavaScript that any Node from 18 on understands.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const wantedMajor = 24;

/** The Node that npm installed beside the other dependencies, or null before the first install. */
export function bundledNode() {
  const file = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  return existsSync(file) ? file : null;
}

/** The Node to run with: this one where it is new enough, else the bundled one. */
export function rightNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= wantedMajor) return process.execPath;
  const bundled = bundledNode();
  if (!bundled)
    throw new Error(
      `Corral needs Node ${wantedMajor}; this is ${process.versions.node}. Run npm start or npm test first: they fetch it.`,
    );
  return bundled;
}
