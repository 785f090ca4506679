import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Gives back what starting needed: modules are parsed, schemas built and thrown away, and V8 would keep the room for
 * minutes. Worth tens of megabytes on a server that then waits, and some in each worker; takes some 50 ms, so call it
 * once the start is over. It settles the thread that calls it.
 */
export function settleMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: object) => void;
  // Only the last resort also hands the emptied pages back.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
