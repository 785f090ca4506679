import { ApiError } from '../api/request.ts';
import { strings } from '../strings.ts';
import { showToast } from './toasts.tsx';

/** Says what went wrong, and offers to do it again where that makes sense. */
export function reportProblem(error: unknown, retry?: () => void): void {
  const text = error instanceof Error ? error.message : String(error);
  const hint = error instanceof ApiError ? error.hint : undefined;
  showToast({
    text,
    kind: 'problem',
    ...(hint ? { hint } : {}),
    ...(retry ? { action: { label: strings.retry, run: retry } } : {}),
  });
}

/** Runs something that a person asked for; failure becomes a notice instead of silence. */
export function attempt(work: () => Promise<unknown>): void {
  work().catch((error: unknown) => reportProblem(error, () => attempt(work)));
}
