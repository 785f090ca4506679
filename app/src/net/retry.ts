import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../contracts/app-error.ts';
import type { ErrorCode } from '../contracts/error-codes.ts';

export interface RetryPolicy {
  /** How often in a row something may fail without any progress before it is given up. */
  attempts: number;
  /** First pause; each further one is twice as long, with jitter. */
  baseMs: number;
  capMs: number;
  /** Longest `Retry-After` that is waited for; a longer one gives up and says so. */
  maxRetryAfterMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 6,
  baseMs: 500,
  capMs: 30_000,
  maxRetryAfterMs: 600_000,
};

export interface RetryNotice {
  reason: string;
  waitMs: number;
  attempt: number;
}

export interface RetryOptions {
  policy: RetryPolicy;
  signal?: AbortSignal | undefined;
  onRetry?: ((notice: RetryNotice) => void) | undefined;
}

/** Counts failures in a row; `success` starts anew, `failed` waits for the next try or rethrows for good. */
export interface Retrying {
  success(): void;
  failed(error: unknown): Promise<void>;
}

export function createRetrying(options: RetryOptions): Retrying {
  let failures = 0;
  return {
    success: () => void (failures = 0),
    async failed(error) {
      failures += 1;
      const waitMs = pauseMs(failures, retryAfterOf(error), options.policy);
      if (!isPassing(error) || failures >= options.policy.attempts || waitMs === null) throw error;
      options.onRetry?.({ reason: (error as AppError).message, waitMs, attempt: failures });
      await pause(waitMs, options.signal);
    },
  };
}

/** Calls until it succeeds or fails for good. */
export async function withRetries<Value>(options: RetryOptions, call: () => Promise<Value>): Promise<Value> {
  const retrying = createRetrying(options);
  for (;;) {
    try {
      return await call();
    } catch (error) {
      await retrying.failed(error);
    }
  }
}

async function pause(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new AppError('cancelled', 'It was cancelled while waiting for another try.', { cause });
  }
}

/** Milliseconds of a `Retry-After` header, in either form; undefined where there is none. */
export function parseRetryAfter(value: string | undefined, nowMs = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

/**
 * How long an answer asks to wait for the next try; undefined where it does not say. The Hub sends no `Retry-After` but
 * says when its window ends: `RateLimit: "resolvers";r=0;t=123`.
 */
export function waitAskedFor(answer: {
  status: number;
  headers: Readonly<Record<string, string>>;
}): number | undefined {
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after']);
  if (retryAfterMs !== undefined || answer.status !== 429) return retryAfterMs;
  const seconds = /;\s*t=(\d{1,6})/.exec(answer.headers['ratelimit'] ?? '')?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** Failures that go away by themselves; everything else is rethrown at once. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'network-failed',
  'timed-out',
  'hub-failed',
  'hub-unreachable',
  'rate-limited',
]);

function isPassing(error: unknown): boolean {
  return error instanceof AppError && passing.has(error.code) && error.details?.['final'] !== true;
}

function retryAfterOf(error: unknown): number | undefined {
  const wanted = error instanceof AppError ? error.details?.['retryAfterMs'] : undefined;
  return typeof wanted === 'number' ? wanted : undefined;
}

function pauseMs(failures: number, retryAfterMs: number | undefined, policy: RetryPolicy): number | null {
  if (retryAfterMs !== undefined) return retryAfterMs > policy.maxRetryAfterMs ? null : retryAfterMs;
  const full = Math.min(policy.capMs, policy.baseMs * 2 ** (failures - 1));
  return full / 2 + Math.random() * (full / 2);
}
