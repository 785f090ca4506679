import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';

/** So many crashes within the time, and the file is not loaded again. */
const crashesToQuarantine = 2;
const crashWindowMs = 60 * 60 * 1000;
/** A restart waits 0.5 s, 1 s, 2 s … */
const firstBackoffMs = 500;
const maxBackoffMs = 60_000;
/** The file is ours; whatever else stands there is not read. */
const maxFileBytes = 4 * 1024 * 1024;

const entrySchema = z.object({
  crashes: z.array(z.object({ at: z.number(), reason: z.string() })).max(16),
  quarantined: z.object({ at: z.number(), reason: z.string() }).nullable(),
});
const fileSchema = z.record(z.string(), entrySchema);
type Entry = z.infer<typeof entrySchema>;

/** Remembers which files took the engine down, over restarts of the server. */
export interface CrashHistory {
  /** Throws `model-quarantined` with the reason. */
  check(sha256: string): void;
  /** How long a start of this file should wait. */
  backoffMs(sha256: string): number;
  /** `isTheFilesFault`: the native code fell over it, as opposed to being killed from outside. */
  record(sha256: string, crash: { reason: string; isTheFilesFault: boolean }): void;
  /** It answered. */
  recordSuccess(sha256: string): void;
  quarantined(): { sha256: string; at: number; reason: string }[];
  /** The file may be damaged, though the engine lived: whoever fetches it again should read it whole. */
  doubt(sha256: string): void;
  /** Whether a file crashed the engine, be it once, or was doubted for another reason. */
  isDoubted(sha256: string): boolean;
  /** Gives a file another chance; whoever calls it has read or made the file anew. True where there was a need. */
  release(sha256: string): boolean;
}

export function createCrashHistory(path: string, clock: Clock, log: Log): CrashHistory {
  const entries = new Map(Object.entries(readHistory(path)));
  /** Ends in a row since the last success, and when the last was. Not kept: a new server starts at once. */
  const ends = new Map<string, { count: number; at: number }>();
  /** Not kept either: what showed it shows it again. */
  const doubted = new Set<string>();

  const save = (): void => {
    const beside = `${path}.new`;
    try {
      writeFileSync(beside, JSON.stringify(Object.fromEntries(entries)), { mode: 0o600 });
      renameSync(beside, path);
    } catch (error) {
      // A full disk takes the memory of it away at the next start, and nothing else: until then it holds.
      log.warn({ path, reason: toAppError(error).message }, 'crashes of models could not be written down');
    }
  };

  return {
    check(sha256) {
      const found = entries.get(sha256)?.quarantined;
      if (!found) return;
      throw new AppError(
        'model-quarantined',
        `This model file has crashed the engine before: ${found.reason}`,
        {
          hint: 'Pull or import it again: what is here is read whole, replaced where it is damaged, and tried once more.',
          details: { sha256, at: found.at },
        },
      );
    },
    backoffMs(sha256) {
      const last = ends.get(sha256);
      if (!last) return 0;
      const wait = Math.min(maxBackoffMs, firstBackoffMs * 2 ** (last.count - 1));
      // Never longer than that, though the clock was ahead when it ended.
      return Math.min(wait, Math.max(0, last.at + wait - clock.now()));
    },
    record(sha256, { reason, isTheFilesFault }) {
      const now = clock.now();
      ends.set(sha256, { count: (ends.get(sha256)?.count ?? 0) + 1, at: now });
      if (!isTheFilesFault) return;
      entries.set(sha256, withCrash(entries.get(sha256), { at: now, reason: reason.slice(0, 500) }));
      save();
    },
    recordSuccess(sha256) {
      ends.delete(sha256);
    },
    quarantined: () =>
      [...entries].flatMap(([sha256, entry]) =>
        entry.quarantined ? [{ sha256, ...entry.quarantined }] : [],
      ),
    doubt: (sha256) => void doubted.add(sha256),
    isDoubted: (sha256) => doubted.has(sha256) || entries.has(sha256),
    release(sha256) {
      ends.delete(sha256);
      const wasDoubted = doubted.delete(sha256);
      if (!entries.delete(sha256)) return wasDoubted;
      save();
      return true;
    },
  };
}

function withCrash(known: Entry | undefined, crash: Entry['crashes'][number]): Entry {
  const crashes = [...(known?.crashes ?? []), crash]
    .filter(({ at }) => crash.at - at <= crashWindowMs)
    .slice(-crashesToQuarantine);
  const isTooMuch = crashes.length >= crashesToQuarantine;
  return { crashes, quarantined: isTooMuch ? crash : (known?.quarantined ?? null) };
}

/** A file that cannot be read is as good as none: the engine's process bears the risk again, nothing else does. */
function readHistory(path: string): Record<string, Entry> {
  try {
    const text = readFileSync(path, 'utf8');
    return text.length > maxFileBytes ? {} : fileSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}
