import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nodeFlags } from '../../bin/runtime.mjs';
import type { BenchModel } from './bench-models.ts';
import { startService, type Service } from './llama-peer.ts';

const run = promisify(execFile);
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const home = process.env['BENCH_HOME'] ?? join(tmpdir(), 'corral-bench-home-2');

/** Our own server as people start it, with the model imported into a home of its own. */
export async function startCorral(model: BenchModel, slots: number): Promise<Service> {
  const environment = {
    CORRAL_HOME: home,
    CORRAL_SLOTS: String(slots),
    CORRAL_MODEL: model.name,
    HOME: home,
  };
  const command = (words: string[]): Promise<{ stdout: string }> =>
    run(process.execPath, [...nodeFlags, main, ...words], {
      env: { PATH: process.env['PATH'] ?? '', ...environment },
    });
  const { stdout } = await command(['list']);
  if (!stdout.includes(model.name)) await command(['import', model.path, '--name', model.name]);
  return startService({
    command: process.execPath,
    words: () => [...nodeFlags, main, 'serve'],
    environment,
    ready: '/healthz',
  });
}
