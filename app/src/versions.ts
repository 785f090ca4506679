import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** llama.cpp's release that the pinned libraries carry, or why it is not known. */
function llamaRelease(root: string): string {
  try {
    const name = `${process.platform}-${process.arch}`;
    const file = join(root, 'node_modules', '@node-llama-cpp', name, 'package.json');
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    return `0.5.0 (libraries ${version})`;
  } catch {
    return 'libraries not installed';
  }
}

/** What `corral --version` prints. */
export function describeVersions(version: string, root: string): string {
  return [
    `Corral ${version}`,
    `Node ${process.versions.node}`,
    `llama.cpp ${llamaRelease(root)}`,
    `SQLite ${process.versions['sqlite'] ?? 'unknown'}`,
  ].join('\n');
}
