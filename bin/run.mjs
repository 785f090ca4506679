// Runs a TypeScript file of this repository with the right Node: `node bin/run.mjs FILE [ARGUMENT]…`
import { spawn } from 'node:child_process';
import { rightNode } from './runtime.mjs';

const [file, ...parameters] = process.argv.slice(2);
if (!file) {
  console.error('usage: node bin/run.mjs FILE [ARGUMENT]…');
  process.exit(64);
}
const child = spawn(rightNode(), [file, ...parameters], { stdio: 'inherit' });
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
