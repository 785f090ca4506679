import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFlags } from '../../../bin/runtime.mjs';
import { startWorker } from './start-worker.ts';

let folder = '';
let entry: URL;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-worker-'));
  const path = join(folder, 'echo.worker.ts');
  writeFileSync(
    path,
    "import { parentPort, workerData } from 'node:worker_threads';\n" +
      "parentPort?.on('message', (word: string) => parentPort?.postMessage(`${workerData}:${word}`));\n",
  );
  entry = pathToFileURL(path);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('startWorker', () => {
  it('gives the worker its data and its first message, with a cache and without', async () => {
    const module = fileURLToPath(new URL('start-worker.ts', import.meta.url));
    const program = `
      const { startWorker } = await import(${JSON.stringify(module)});
      const worker = startWorker(new URL(${JSON.stringify(entry.href)}), { workerData: 'data' });
      worker.postMessage('hello');
      worker.once('message', (answer) => { console.log(answer); worker.terminate(); });`;
    const starter = join(folder, 'starter.mjs');
    writeFileSync(starter, program);
    for (const environment of [{}, { NODE_COMPILE_CACHE: join(folder, 'cache') }]) {
      const output = execFileSync(process.execPath, [...nodeFlags, starter], { env: environment });
      expect(output.toString().trim()).toBe('data:hello');
    }
    expect(readdirSync(join(folder, 'cache'))).toHaveLength(1);
  });

  it('reports an entry that cannot be loaded as the error of the worker', async () => {
    const worker = startWorker(new URL('missing.worker.ts', entry));
    const error = await new Promise<Error>((resolve) => worker.once('error', resolve));
    expect(error.message).toContain('missing.worker.ts');
  });
});
