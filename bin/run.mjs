// Runs a TypeScript file of this repository with everything installed: `node bin/run.mjs [FILE [ARGUMENT]…]`.
// Without a file it only installs.
import { runChild } from './child.mjs';
import { ensureInstalled } from './install.mjs';
import { nodeFlags, rightNode } from './runtime.mjs';

const [file, ...parameters] = process.argv.slice(2);
try {
  await ensureInstalled('all');
  if (file) process.exit(await runChild(rightNode(), [...nodeFlags, file, ...parameters]));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(70);
}
