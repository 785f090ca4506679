import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createOutput, reportError } from './cli/render/output.ts';
import { runCommandLine } from './cli/run.ts';
import { writeFault } from './cli/write-fault.ts';
import { createCorral } from './compose.ts';
import { describeVersions } from './versions.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

/** What a whole group gets (Ctrl-C, a terminal that closes, a stop of all processes) the launcher passes on once more. */
const sameWishMs = 2000;

/** The first Ctrl-C (or SIGTERM, SIGHUP) asks everything to stop; one that comes later ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let askedAt = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (!controller.signal.aborted) {
        askedAt = performance.now();
        controller.abort();
      } else if (performance.now() - askedAt > sameWishMs) process.exit(name === 'SIGINT' ? 130 : 143);
    });
  }
  return controller.signal;
}

/**
 * A log line that cannot be written (its disk is full, its reader or terminal gone) is dropped. So is what a server says of
 * its start: it is there for others. Every other command prints what it was asked for.
 */
function watchOutput(parameters: readonly string[]): void {
  const { stdout, stderr } = process;
  stderr.on('error', () => undefined);
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (parameters[0] === 'serve') return;
    // A reader that goes away (`corral list | head`) has seen enough.
    if (error.code === 'EPIPE') process.exit(0);
    const output = createOutput({ isJson: false, hasColours: false, stdout, stderr });
    process.exit(reportError(writeFault('standard output', error), output, parameters.includes('--debug')));
  });
}

export function start(parameters: readonly string[]): Promise<number> {
  watchOutput(parameters);
  return runCommandLine({
    parameters,
    root,
    version: describeVersions(version, root),
    corral: createCorral(version),
    signal: stopSignal(),
  });
}
