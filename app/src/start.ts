import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from './cli/run.ts';
import { createCorral } from './compose.ts';
import { describeVersions } from './versions.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

/** The first Ctrl-C (or SIGTERM, SIGHUP) asks everything to stop; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
      controller.abort();
    });
  }
  return controller.signal;
}

/** What cannot be written there (a full disk, a reader or a terminal that is gone) is lost, and nothing else with it. */
function goOnWithoutLog(): void {
  process.stderr.on('error', () => undefined);
}

/** A reader that goes away (`corral list | head`) ends the program quietly. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

export function start(parameters: readonly string[]): Promise<number> {
  goOnWithoutLog();
  endWithReader();
  return runCommandLine({
    parameters,
    root,
    version: describeVersions(version, root),
    corral: createCorral(version),
    signal: stopSignal(),
  });
}
