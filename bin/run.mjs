// Runs a TypeScript file of this repository with everything installed: `node bin/run.mjs FILE [ARGUMENT]…`
import { runChild } from './child.mjs';
import { ensureInstalled } from './install.mjs';
import { rightNode } from './runtime.mjs';

const [file, ...parameters] = process.argv.slice(2);
if (!file) {
  process.stderr.write('usage: node bin/run.mjs FILE [ARGUMENT]…\n');
  process.exit(64);
}
try {
  await ensureInstalled('all');
  process.exit(await runChild(rightNode(), [file, ...parameters]));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(70);
}
