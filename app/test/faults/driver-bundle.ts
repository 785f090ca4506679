import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/**
 * The driver in a few files: what it does is the same, but starting it takes a third of the processor time, which is
 * nearly all that a round costs. Worth it from some dozens of rounds on.
 */
export function bundleDriver(folder: string): string {
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const config = join(import.meta.dirname, 'driver.vite.config.ts');
  const flags = ['--configLoader', 'native', '--config', config, '--logLevel', 'warn'];
  const { status, stderr } = spawnSync(
    process.execPath,
    [vite, 'build', ...flags, '--outDir', folder, '--emptyOutDir'],
    {
      encoding: 'utf8',
      env: { ...process.env, NODE_ENV: 'production' },
    },
  );
  if (status !== 0) throw new Error(`the driver could not be bundled: ${stderr}`);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n');
  return join(folder, 'driver.ts');
}
