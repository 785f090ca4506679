/** The committed .wasm is what its AssemblyScript source compiles to. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = 'app/kernels';
const sources = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.kernel.ts')) : [];
const scratch = mkdtempSync(join(tmpdir(), 'corral-kernels-'));
const stale: string[] = [];
for (const source of sources) {
  const target = source.replace(/\.kernel\.ts$/, '.wasm');
  const built = join(scratch, target);
  execFileSync(
    process.execPath,
    [
      'node_modules/assemblyscript/bin/asc.js',
      join(folder, source),
      '--config',
      join(folder, 'asconfig.json'),
      '-o',
      built,
    ],
    { stdio: 'inherit' },
  );
  const committed = join(folder, target);
  if (!existsSync(committed) || !readFileSync(built).equals(readFileSync(committed))) stale.push(committed);
}
rmSync(scratch, { recursive: true });
for (const path of stale)
  console.error(`${path} is not what its source compiles to; build it again and commit it`);
console.log(`${sources.length} kernels compared`);
process.exit(stale.length > 0 ? 1 : 0);
