import type { Engines } from '../engine/fleet.ts';
import type { CrashHistory } from '../engine/llama/crash-history.ts';
import type { FileDoubts } from '../models/models-context.ts';

/**
 * What is held against files of models. One that gets another chance gets it with a load of its own: an engine in memory
 * goes on with the file that it opened, though another has taken its place, and without what it was loaded without.
 */
export function createFileDoubts(
  crashes: Pick<CrashHistory, 'isDoubted' | 'release'>,
  engines: () => Pick<Engines, 'retire'>,
): FileDoubts {
  return {
    isDoubted: (sha256) => crashes.isDoubted(sha256),
    release: (sha256) => {
      crashes.release(sha256);
      engines().retire(sha256);
    },
  };
}
