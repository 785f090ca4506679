// `npm test [FILTER]…`: installs the rest, builds the page and runs every test, or those whose path holds a filter.
import { join } from 'node:path';
import { runChild } from './child.mjs';
import { ensureInstalled } from './install.mjs';
import { ensurePageBuilt } from './page.mjs';
import { rightNode, root } from './runtime.mjs';

try {
  await ensureInstalled('all');
  await ensurePageBuilt();
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  process.exit(await runChild(rightNode(), [vitest, 'run', ...process.argv.slice(2)]));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(70);
}
