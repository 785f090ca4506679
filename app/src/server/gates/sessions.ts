import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { sessionLifetimeMs } from '../limits.ts';
import type { EndedSessions } from './ended-sessions.ts';

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Constant time whatever the lengths: digests are compared. */
export function equal(given: string, right: string): boolean {
  return timingSafeEqual(digest(given), digest(right));
}

/**
 * Sign-ins of browsers. A session says when it ends and proves it with the key; only those are kept of which somebody
 * signed out before, and a new key ends them all.
 */
export interface Sessions {
  /** The value of a new cookie. */
  issue(): string;
  /** Which session a cookie is of; null where it is none, or over. */
  idOf(token: string): string | null;
  /** For good; resolves when a restart cannot bring it back. */
  end(token: string): Promise<void>;
}

interface SessionsOptions {
  accessKey: string;
  clock: Clock;
  ended: EndedSessions;
}

export function createSessions({ accessKey, clock, ended }: SessionsOptions): Sessions {
  const secret = createHmac('sha256', 'corral session').update(accessKey).digest();
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest('base64url');

  function read(token: string): { id: string; endsAt: number } | null {
    const [, endsAt, id, proof] = /^(\d{1,15})\.([\w-]{22})\.([\w-]{43})$/.exec(token) ?? [];
    if (endsAt === undefined || id === undefined || proof === undefined) return null;
    if (!equal(proof, sign(`${endsAt}.${id}`)) || Number(endsAt) <= clock.now()) return null;
    return ended.has(id) ? null : { id, endsAt: Number(endsAt) };
  }

  return {
    issue() {
      const body = `${clock.now() + sessionLifetimeMs}.${randomBytes(16).toString('base64url')}`;
      return `${body}.${sign(body)}`;
    },
    idOf: (token) => read(token)?.id ?? null,
    async end(token) {
      const session = read(token);
      if (session !== null) await ended.add(session.id, session.endsAt);
    },
  };
}
