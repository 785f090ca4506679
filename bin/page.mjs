// Builds the page when its sources are not those of the last build.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureReady } from './ready.mjs';
import { rightNode, root } from './runtime.mjs';
import { runStep } from './step.mjs';

const web = join(root, 'web');
const built = join(web, 'dist', 'index.html');
const stampFile = join(web, 'dist', '.sources');

/** @param {string} folder @returns {string[]} */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    })
    .sort();
}

function sourcesHash() {
  const own = readdirSync(web, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(web, entry.name));
  const folders = ['src', 'public'].map((name) => join(web, name)).filter((folder) => existsSync(folder));
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const file of [...own, ...folders.flatMap(filesBelow)]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** @param {string} wanted */
function isBuilt(wanted) {
  return existsSync(built) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted;
}

export function ensurePageBuilt() {
  let wanted = sourcesHash();
  return ensureReady({
    use: 'page',
    stampFile,
    isReady: () => isBuilt(wanted),
    make: async () => {
      wanted = sourcesHash();
      await build();
      return wanted;
    },
    need: 'The page has to be built anew',
  });
}

async function build() {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  await runStep('Building the page', rightNode(), [vite, 'build', '--logLevel', 'warn'], web);
}
