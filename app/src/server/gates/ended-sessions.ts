import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { homeAt } from '../../config/home.ts';
import type { Clock } from '../../lib/clock.ts';
import { writeDurably } from '../../lib/durable-files.ts';
import type { Log } from '../../lib/log.ts';

/** Sessions of which somebody signed out, until they would have ended by themselves; kept in CORRAL_HOME. */
export interface EndedSessions {
  has(id: string): boolean;
  /** Resolves when it is on disk; where that fails, it holds until the next start, and the log says so. */
  add(id: string, endsAt: number): Promise<void>;
}

/** Each took a sign-in with the right key. Beyond it the oldest is forgotten. */
const maxEnded = 10_000;

const fileSchema = z.array(z.tuple([z.string().max(22), z.number()])).max(maxEnded);

interface EndedSessionsOptions {
  home: string;
  clock: Clock;
  log: Log;
}

function readKept(path: string, log: Log): [string, number][] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT';
    if (isThere) log.warn({ path, error: String(error) }, 'sessions that were signed out could not be read');
    return [];
  }
}

export function createEndedSessions({ home, clock, log }: EndedSessionsOptions): EndedSessions {
  const path = homeAt(home).signedOut;
  const ended = new Map(readKept(path, log));
  let written: Promise<void> = Promise.resolve();

  function forget(): void {
    for (const [id, endsAt] of ended) {
      if (endsAt <= clock.now() || ended.size > maxEnded) ended.delete(id);
    }
  }

  async function write(): Promise<void> {
    const place = { folder: home, path, aside: `${path}.part` };
    try {
      await writeDurably(place, JSON.stringify([...ended]));
    } catch (error) {
      log.warn({ error: String(error) }, 'a session was signed out until the next start only');
    }
  }

  return {
    has: (id) => ended.has(id),
    add(id, endsAt) {
      ended.set(id, endsAt);
      forget();
      // One after the other: they share a file.
      written = written.then(write);
      return written;
    },
  };
}
