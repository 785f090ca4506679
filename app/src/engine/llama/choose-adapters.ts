import { toAppError } from '../../contracts/app-error.ts';
import type { Log } from '../../lib/log.ts';
import type { AdapterSource, ModelDescription } from '../engine.ts';
import type { CrashHistory } from './crash-history.ts';
import { readStrictly } from './model-facts.ts';

export interface ChosenAdapters {
  sound: AdapterSource[];
  /** The others with the reason, for whoever asks for them. */
  refused: ModelDescription['adapters'];
}

const crashedWithIt = 'the engine crashed twice while it was there (adding it again gives it another chance)';

/** Adapters that may reach native code: our own reader finds them sound, and none was there when it crashed twice. */
export async function chooseAdapters(
  adapters: readonly AdapterSource[],
  { crashes, log }: { crashes: Pick<CrashHistory, 'quarantined'>; log: Log },
): Promise<ChosenAdapters> {
  const quarantined = new Set(crashes.quarantined().map(({ sha256 }) => sha256));
  const chosen: ChosenAdapters = { sound: [], refused: [] };
  for (const { id, path, sha256 } of adapters) {
    const problem = quarantined.has(sha256) ? crashedWithIt : await problemOfFile(path, log);
    if (problem === undefined) chosen.sound.push({ id, path, sha256 });
    else chosen.refused.push({ id, loaded: false, problem });
  }
  return chosen;
}

async function problemOfFile(path: string, log: Log): Promise<string | undefined> {
  try {
    await readStrictly(path);
    return undefined;
  } catch (error) {
    log.warn({ path, reason: toAppError(error).message }, 'adapter left out');
    return 'its file is not sound';
  }
}
