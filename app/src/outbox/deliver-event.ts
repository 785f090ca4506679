import { toAppError } from '../contracts/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { HttpClient } from '../net/http-client.ts';
import { parseRetryAfter } from './retry-schedule.ts';
import { deliveryHeaders } from './sign-delivery.ts';

/** A sink that says nothing for so long has not taken it. */
const timeoutMs = 20_000;
/** Of a sink's answer only the status counts; more than this of its body is not even thrown away. */
const mostAnswerBytes = 64 * 1024;

export interface Sink {
  url: string;
  secrets: readonly Buffer[];
  http: Pick<HttpClient, 'request'>;
  clock: Clock;
}

export type Delivery =
  | { kind: 'delivered' }
  /** The sink wants no more events at all (410). */
  | { kind: 'gone' }
  /** `isAway`: that is about the sink, not about this event. */
  | { kind: 'failed'; error: string; isAway: boolean; retryAfterMs: number | null };

/** Statuses that speak for the whole sink, as does their Retry-After. */
const busyStatuses = new Set([429, 502, 503, 504]);

/** One attempt. Never throws. Only 2xx is success; a redirect is a failure and is not followed. */
export async function deliverEvent(
  sink: Sink,
  event: { id: string; body: string },
  signal: AbortSignal,
): Promise<Delivery> {
  try {
    const answer = await sink.http.request(sink.url, {
      method: 'POST',
      headers: deliveryHeaders(event, sink.secrets, sink.clock.now()),
      body: event.body,
      redirects: 'return',
      maxBytes: mostAnswerBytes,
      timeouts: { headersMs: timeoutMs, idleMs: timeoutMs, totalMs: timeoutMs },
      signal,
    });
    await answer.discard().catch(() => undefined);
    if (answer.status >= 200 && answer.status < 300) return { kind: 'delivered' };
    if (answer.status === 410) return { kind: 'gone' };
    const isRedirect = answer.status >= 300 && answer.status < 400;
    const error = `the sink answered ${answer.status}${isRedirect ? ', a redirect, which is not followed' : ''}`;
    const isAway = busyStatuses.has(answer.status);
    const retryAfter = isAway ? answer.headers['retry-after'] : undefined;
    return { kind: 'failed', error, isAway, retryAfterMs: parseRetryAfter(retryAfter, sink.clock.now()) };
  } catch (error) {
    return { kind: 'failed', error: toAppError(error).message, isAway: true, retryAfterMs: null };
  }
}
