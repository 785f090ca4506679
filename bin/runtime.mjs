// Which Node runs Corral, and how it is had where the machine's own is older. Plain JavaScript for any Node from 18 on.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runStep } from './step.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wantedMajor = 24;
/** The least SQLite that the store opens, 3.51.3, as SQLite writes it in one number. */
const wantedSqlite = 3_051_003;
const needed = `Corral needs Node ${wantedMajor} or newer, and in it SQLite 3.51.3 or newer (Node 24.15 has it)`;
const packageName = `node-${process.platform}-${process.arch}`;
const fetched = join(root, '.cache', 'runtime');

/** @param {string} folder */
const nodeIn = (folder) => join(folder, 'node_modules', packageName, 'bin', 'node');

/** @param {{ node: string, sqlite?: string }} versions */
export function isNewEnough({ node, sqlite = '' }) {
  const [major = 0, minor = 0, patch = 0] = sqlite.split('.').map(Number);
  return Number.parseInt(node) >= wantedMajor && (major * 1000 + minor) * 1000 + patch >= wantedSqlite;
}

/** This process's own Node where it is new enough. */
const ownNode = () => (isNewEnough(process.versions) ? process.execPath : null);

/** For every Node that runs code of ours, or V8 ends its process now and then. */
export const crashFlags = [
  // With protection keys, which only some processors have, V8 keeps a list of its code pages that threads with
  // WebAssembly can bring out of step; then it ends the process (nodejs/node#64500: "Check failed: jit_page.has_value()").
  '--no-memory-protection-keys',
  // Code of V8's baseline compiler leaves a pointer behind that a collection may follow, which ends the process
  // (nodejs/node#62393: SIGSEGV in ClearStaleLeftTrimmedPointerVisitor). Without it a start takes as long as with it, and
  // a token too: the optimizing compilers follow soon.
  '--no-sparkplug',
];

/** What a server, a command, a test and a bench run with. */
export const nodeFlags = [
  ...crashFlags,
  // A start fills the usual nursery of 1 MB a hundred times. With this one it takes a tenth less time, and at rest no
  // more memory, which is given back by then.
  '--min-semi-space-size=16',
];

/** The Node to run with once everything is installed. */
export function rightNode() {
  const bundled = nodeIn(root);
  const node = ownNode() ?? (existsSync(bundled) ? bundled : null);
  if (!node) {
    throw new Error(
      `${needed}; this is Node ${process.versions.node}. Run npm start or npm test: they fetch it.`,
    );
  }
  return node;
}

/** Npm's own program, so that it can be run with a Node of our choice. */
export function npmProgram() {
  const given = process.env.npm_execpath;
  if (given && /npm-cli\.c?js$/.test(given)) return given;
  const beside = join(dirname(dirname(process.execPath)), 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  if (existsSync(beside)) return beside;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const link = join(folder, 'npm');
    if (existsSync(link) && realpathSync(link).endsWith('.js')) return realpathSync(link);
  }
  throw new Error('npm was not found. Install it together with Node (https://nodejs.org), then start again.');
}

/** The entry of the lock file as a lock file of its own, so that npm checks the same hash. Returns its version. */
function writeRuntimeProject() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const entry = lock.packages[`node_modules/${packageName}`];
  if (!entry) {
    throw new Error(
      `${needed}. It can be fetched for Linux on x64 and arm64 only; this is ${process.platform} on ${process.arch} with Node ${process.versions.node}. Install a newer one, then start again.`,
    );
  }
  const project = {
    name: 'corral-runtime',
    version: '0.0.0',
    dependencies: { [packageName]: entry.version },
  };
  const { optional: _optional, ...required } = entry;
  mkdirSync(fetched, { recursive: true });
  writeFileSync(join(fetched, 'package.json'), JSON.stringify({ ...project, private: true }));
  writeFileSync(
    join(fetched, 'package-lock.json'),
    JSON.stringify({
      ...project,
      lockfileVersion: 3,
      packages: { '': project, [`node_modules/${packageName}`]: required },
    }),
  );
  return entry.version;
}

/**
 * A Node of the right version that an install may run with: never the one inside node_modules, which the
 * install replaces. Fetched where this one is too old; `forgetFetchedNode` removes it afterwards.
 */
export async function nodeForInstall() {
  const own = ownNode();
  if (own) return own;
  if (!existsSync(nodeIn(fetched))) {
    const version = writeRuntimeProject();
    await runStep(
      `Fetching Node ${version} (this machine has ${process.versions.node})`,
      process.execPath,
      [
        npmProgram(),
        'ci',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
        `--prefix=${fetched}`,
      ],
      fetched,
    );
  }
  execFileSync(nodeIn(fetched), ['--version']);
  return nodeIn(fetched);
}

export function forgetFetchedNode() {
  rmSync(fetched, { recursive: true, force: true });
}
