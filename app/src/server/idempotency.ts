import { createHash } from 'node:crypto';
import { AppError } from '../contracts/app-error.ts';
import type { Clock } from '../lib/clock.ts';

/** Remembered answers of small creations; runs keep theirs on disk (see chats.run). */
export interface Idempotency {
  once<Answer>(
    owner: string,
    key: string | undefined,
    request: unknown,
    work: () => Promise<Answer>,
  ): Promise<Answer>;
}

const maxKeys = 10_000;
const lifetimeMs = 24 * 60 * 60_000;

export function createIdempotency(clock: Clock): Idempotency {
  const known = new Map<string, { hash: string; at: number; answer: Promise<unknown> }>();
  return {
    async once<Answer>(
      owner: string,
      key: string | undefined,
      request: unknown,
      work: () => Promise<Answer>,
    ) {
      if (key === undefined) return work();
      const name = `${owner}\n${key}`;
      const hash = createHash('sha256').update(JSON.stringify(request)).digest('hex');
      const before = known.get(name);
      if (before && Math.abs(clock.now() - before.at) < lifetimeMs) {
        if (before.hash === hash) return before.answer as Promise<Answer>;
        throw new AppError('idempotency-mismatch', 'this Idempotency-Key was used for another request', {
          hint: 'Use a new key for each new request.',
        });
      }
      const answer = work();
      known.set(name, { hash, at: clock.now(), answer });
      // A failure may be tried again with the same key.
      answer.catch(() => known.delete(name));
      const oldest = known.keys().next().value;
      if (known.size > maxKeys && oldest !== undefined) known.delete(oldest);
      return answer;
    },
  };
}
