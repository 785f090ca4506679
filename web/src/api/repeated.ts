import { randomId } from '../ui/browser.ts';
import { ApiError } from './request.ts';

/**
 * The server takes a message within milliseconds. A line that died unnoticed, by sleep or with another network, takes
 * it never, and the next try gets another line: three tries are 15 s, after which somebody is told.
 */
const tryMs = 5_000;
const tries = 3;
/** A large message is on its way for longer, here on a line of a quarter of a megabit. */
const bytesPerMs = 32;

/** Keys of requests whose answer never came; the same request again is the same one to the server. */
const unanswered = new Map<string, string>();

/** What a try needs: one key for all of them, and how long it may wait for an answer. */
export interface Try {
  idempotencyKey: string;
  answerMs: number;
}

/**
 * Asks until there is an answer, whatever it is, and gives up after a while: only for what may be asked twice.
 * `characters` is how much is sent.
 */
export async function insistent<T>(characters: number, ask: (answerMs: number) => Promise<T>): Promise<T> {
  const answerMs = tryMs + Math.ceil(characters / bytesPerMs);
  for (let count = 1; ; count += 1) {
    try {
      return await ask(answerMs);
    } catch (error) {
      const isLate = error instanceof ApiError && error.isLate;
      if (!isLate || count >= tries) throw error;
    }
  }
}

/**
 * As `insistent`, for what must not be done twice: whoever asks the same again gets what the server made of it the
 * first time. `identity` is what makes it the same in this tab, `key` in all of them.
 */
export async function repeated<T>(
  identity: string,
  ask: (next: Try) => Promise<T>,
  key: string = randomId(),
): Promise<T> {
  const idempotencyKey = unanswered.get(identity) ?? key;
  unanswered.set(identity, idempotencyKey);
  try {
    const answer = await insistent(identity.length, (answerMs) => ask({ idempotencyKey, answerMs }));
    unanswered.delete(identity);
    return answer;
  } catch (error) {
    if (!(error instanceof ApiError && error.isUnreachable)) unanswered.delete(identity);
    throw error;
  }
}
