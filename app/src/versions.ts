import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** llama.cpp's release as the shared libraries carry it in their names, or why it is not known. */
function llamaRelease(): string {
  try {
    const require = createRequire(import.meta.url);
    const file = require.resolve(`@node-llama-cpp/${process.platform}-${process.arch}/package.json`);
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    return `0.5.0 (libraries ${version})`;
  } catch {
    return 'libraries not installed';
  }
}

/** What `corral --version` prints. */
export function describeVersions(version: string): string {
  return [
    `Corral ${version}`,
    `Node ${process.versions.node}`,
    `llama.cpp ${llamaRelease()}`,
    `SQLite ${process.versions['sqlite'] ?? 'unknown'}`,
  ].join('\n');
}
