#!/usr/bin/env node
// The launcher: the right Node, the dependencies, the page; then app/src/main.ts with the same arguments.
import { join } from 'node:path';
import { runChild } from './child.mjs';
import { ensureInstalled } from './install.mjs';
import { ensurePageBuilt } from './page.mjs';
import { nodeFlags, rightNode, root } from './runtime.mjs';

const parameters = process.argv.slice(2);
try {
  await ensureInstalled('production');
  if (parameters.includes('serve')) await ensurePageBuilt();
  // Compiled and stripped sources are kept for the next start: half of its time, and memory that the compiler takes.
  process.env.NODE_COMPILE_CACHE ??= join(root, '.cache', 'compile');
  process.exit(
    await runChild(rightNode(), [...nodeFlags, join(root, 'app', 'src', 'main.ts'), ...parameters]),
  );
} catch (error) {
  process.stderr.write(`corral: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(70);
}
