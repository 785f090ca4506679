/**
 * The arrows of docs/architecture.md, and its picture of them (`--write` draws it anew). dependency-cruiser can pass by seeing nothing (a parser that fails is
 * silent), so the number of modules it cruised is compared with the number git knows.
 */
import { execFileSync } from 'node:child_process';
import { compareGeneratedPart } from './generated-part.ts';
import { layerPicture, type CruisedModule } from './layer-picture.ts';

interface Cruise {
  modules: CruisedModule[];
  summary: { violations: { rule: { name: string; severity: string }; from: string; to: string }[] };
}

const roots = ['app/src', 'web/src'];
const known = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...roots], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'));
const output = execFileSync(
  process.execPath,
  [
    'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
    '--config',
    '.dependency-cruiser.mjs',
    '--output-type',
    'json',
    ...roots,
  ],
  { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024, stdio: ['ignore', 'pipe', 'inherit'] },
);
const cruise = JSON.parse(output) as Cruise;
const seen = new Set(cruise.modules.map((module) => module.source));
const missed = known.filter((file) => !seen.has(file));
const errors = cruise.summary.violations.filter((violation) => violation.rule.severity === 'error');
for (const { rule, from, to } of errors) console.error(`${rule.name}: ${from} → ${to}`);
for (const file of missed) console.error(`not cruised: ${file}`);
const { picture, strangers } = layerPicture(cruise.modules);
for (const folder of strangers)
  console.error(`app/src/${folder} belongs to no layer of .dependency-cruiser.mjs`);
const stale = compareGeneratedPart('docs/architecture.md', 'layers', picture);
for (const problem of stale) console.error(problem);
console.log(`${seen.size} modules, ${known.length} known to git, ${errors.length} violations`);
process.exit(errors.length + missed.length + strangers.length + stale.length > 0 ? 1 : 0);
