import { setTimeout as sleep } from 'node:timers/promises';
import { toAppError } from '../../contracts/app-error.ts';
import type { LiveRun } from './live-run.ts';
import type { RunContext } from './run-context.ts';

const codes: readonly string[] = ['disk-full', 'input-output', 'home-not-writable', 'store-unavailable'];
const firstRetryMs = 250;
const longestRetryMs = 5000;

/** What may pass, and costs nobody an answer that was acknowledged. */
export function isDiskFailure(error: unknown): boolean {
  return codes.includes(toAppError(error).code);
}

/** Tries again until the disk takes it, somebody stops the answer or the server closes; other failures are thrown. */
export async function whenDiskAllows<Value>(
  context: RunContext,
  live: LiveRun,
  write: () => Promise<Value>,
): Promise<Value> {
  const signal = AbortSignal.any([live.abort.signal, context.closing]);
  for (let delayMs = firstRetryMs; ; delayMs = Math.min(delayMs * 2, longestRetryMs)) {
    try {
      return await write();
    } catch (error) {
      if (!isDiskFailure(error) || signal.aborted) throw error;
      context.log.error({ runId: live.id, error: String(error) }, 'an answer waits for the disk');
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
