import { AppError, type ErrorBody } from '../../contracts/app-error.ts';
import type { EndReason } from '../../contracts/run-parts.ts';
import type { RunEvent } from '../../contracts/runs.ts';
import { type Api, serverGone } from '../api.ts';
import { HeardText } from './heard-text.ts';

/** A whole answer, or one that somebody stopped. */
export interface Answer {
  reason: EndReason;
  tokens: number | null;
  tokensPerSecond: number | null;
  text: string;
}

/** What a terminal hears of an answer while it is written. */
export interface AnswerListener {
  text(text: string): void;
  /** Loading, waiting, reading the prompt; empty when the answer begins. */
  status(text: string): void;
}

/** Resolves with the end of an answer; throws where it failed, and where the server went away before its end. */
export async function followAnswer(api: Api, runId: string, listener: AnswerListener): Promise<Answer> {
  const heard = new HeardText();
  const figures: Pick<Answer, 'tokens' | 'tokensPerSecond'> = { tokens: null, tokensPerSecond: null };
  for await (const { event: name, data } of api.events(`/api/runs/${runId}/events?from=0`)) {
    if (name === 'error') throw AppError.fromJSON((data as { error: ErrorBody }).error);
    const event = data as RunEvent;
    if (event.type === 'text') listener.text(heard.add(event.offset, event.text));
    else if (event.type === 'usage') figures.tokens = event.usage.completionTokens;
    else if (event.type === 'timings') figures.tokensPerSecond = event.timings.tokensPerSecond;
    else if (event.type === 'end') {
      if (event.error) throw AppError.fromJSON(event.error);
      return { reason: event.reason, ...figures, text: heard.text.slice(0, event.offset) };
    } else listener.status(statusOf(event));
  }
  throw serverGone();
}

function statusOf(event: RunEvent): string {
  if (event.type === 'model-load') return `loading the model ${Math.round(event.progress * 100)} %`;
  if (event.type === 'queue-position' && event.position > 0)
    return `waiting, number ${event.position} in line`;
  if (event.type === 'prompt-progress') return `reading ${event.processed} of ${event.total} tokens`;
  return '';
}
