/**
 * docs/dependencies.md against what is there: each direct dependency has its row with purpose, reason and the licence that
 * the package itself names, no row is left over, and nothing that gets installed has a licence we do not know to be fine.
 */
import { readFileSync } from 'node:fs';

interface Manifest {
  license?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

interface LockEntry {
  license?: string;
  link?: boolean;
  hasInstallScript?: boolean;
}

/** Permissive ones; the others are used unchanged (MPL), or as data (CC), and ask for no more than being named. */
const accepted = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'CC-BY-4.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
]);

/** Their scripts only build or look for what a package of its own brings for each platform. */
const withNeedlessScript = new Set(['node_modules/@swc/core', 'node_modules/koffi']);

const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const manifests = ['package.json', 'app/package.json', 'web/package.json'];
const tools = ['app/test/tools/chromium/package.json', 'app/test/tools/postgres/package.json'];
const lock = (read('package-lock.json') as { packages: Record<string, LockEntry> }).packages;
const problems: string[] = [];

function directNames(path: string): string[] {
  const { dependencies, devDependencies, optionalDependencies } = read(path) as Manifest;
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
}

const direct = new Set(
  [...manifests, ...tools].flatMap(directNames).filter((name) => name !== '@corral/app'),
);

/** `a, b` name two packages; `@scope/x-linux-x64, -arm64` shortens the second; types belong to what they describe. */
function namesOf(cell: string): string[] {
  const names = cell.split(',').map((name) => name.trim());
  return names.map((name) => (name.startsWith('-') ? (names[0] ?? '').replace(/-[a-z0-9]+$/, name) : name));
}

/** The first table; the second is of what we wrote instead. */
const [table = ''] = readFileSync('docs/dependencies.md', 'utf8').split('\n## ');
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| name') && !line.startsWith('| ---'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

const documented = new Map<string, string>();
for (const [names = '', purpose = '', reason = '', licence = ''] of rows) {
  if (purpose === '' || reason === '')
    problems.push(`docs/dependencies.md does not say what ${names} is for, or why`);
  for (const name of namesOf(names)) documented.set(name, licence);
}

/** `(MIT OR CC0-1.0)` is fine where one of them is; `MIT AND Zlib` where all are. */
function isAccepted(licence: string): boolean {
  const words = licence.replace(/[()]/g, '');
  if (words.includes(' OR ')) return words.split(' OR ').some(isAccepted);
  return words.split(' AND ').every((word) => accepted.has(word.trim()));
}

for (const name of direct) {
  const licence = documented.get(name);
  if (licence === undefined) problems.push(`docs/dependencies.md has no row for ${name}`);
  const own = lock[`node_modules/${name}`]?.license;
  if (licence !== undefined && own !== undefined && !licence.split(', ').includes(own))
    problems.push(`${name} is licensed ${own}, docs/dependencies.md says ${licence}`);
}
for (const name of documented.keys())
  if (!direct.has(name))
    problems.push(`docs/dependencies.md has a row for ${name}, which no package.json names`);
let count = 0;
for (const [path, { license, link, hasInstallScript }] of Object.entries(lock)) {
  if (!path.startsWith('node_modules/') || link === true) continue;
  count += 1;
  if (license === undefined) problems.push(`${path} names no licence`);
  else if (!isAccepted(license)) problems.push(`${path} is licensed ${license}`);
  if (hasInstallScript === true && !withNeedlessScript.has(path))
    problems.push(`${path} runs a script when it is installed, and here none is run: does it work without?`);
}
if (!/^ignore-scripts=true$/m.test(readFileSync('.npmrc', 'utf8')))
  problems.push('.npmrc lets packages run scripts when they are installed');
for (const problem of problems) console.error(problem);
console.log(`${direct.size} direct dependencies, ${count} packages`);
process.exit(problems.length > 0 ? 1 : 0);
