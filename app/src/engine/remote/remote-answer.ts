import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../contracts/app-error.ts';
import type { RunPart } from '../../contracts/run-parts.ts';
import { checkRequest, contextTooLong } from '../check-request.ts';
import type { GenerateRequest, ModelDescription, Prompt } from '../engine.ts';
import { AnswerReader } from './answer-reader.ts';
import type { Dialect } from './dialect.ts';
import type { Deadlines, RemoteProvider } from './remote-provider.ts';
import { transportError } from './service-errors.ts';

interface Answering {
  provider: RemoteProvider;
  dialect: Dialect;
  deadlines: Deadlines;
  description: ModelDescription;
  /** Throws once the engine was closed. */
  present: (this: void) => void;
}

/** Tries before the first piece of text; after it nothing is ever asked twice. */
const mostTries = 3;
const firstPauseMs = 500;
/** What has ended an answer waits so long for its figures. */
const figuresMs = 2000;
const connectionCodes: ReadonlySet<string> = new Set(['provider-unreachable', 'timed-out']);
/** A service that asks to wait longer is told to the person at once. */
const longestPauseMs = 20_000;

/** One answer from request to `end`. Never rejects. Aborting the controller with an error interrupts, without one stops. */
export async function answerRemotely(
  answering: Answering,
  request: GenerateRequest,
  push: (part: RunPart) => void,
  controller: AbortController,
): Promise<void> {
  const reader = new AnswerReader(request, answering.dialect, push);
  let doubt: AppError | null = null;
  try {
    doubt = await prepare(answering, request);
    await untilAnswered(answering, request, { reader, controller });
    const { dialect } = answering;
    reader.finish(reader.isCounted ? 0 : (await dialect.count(request.prompt)).totalTokens);
  } catch (error) {
    push(endOf(answering.provider, withCounts(error, doubt), { reader, controller }));
  }
}

/** What the service refuses as too long, with what was counted of it here. */
function withCounts(error: unknown, doubt: AppError | null): unknown {
  if (doubt === null || !(error instanceof AppError) || error.code !== doubt.code) return error;
  const { code, message, hint, details } = error;
  return new AppError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    details: { ...doubt.details, ...details },
    cause: error,
  });
}

/** Gives back what speaks against the request where only the service can tell. */
async function prepare(
  { present, description, dialect }: Answering,
  request: GenerateRequest,
): Promise<AppError | null> {
  present();
  checkRequest(request, description);
  if (lengthOf(request.prompt) <= description.contextTokens) return null;
  const { totalTokens, exact } = await dialect.count(request.prompt);
  if (totalTokens <= description.contextTokens) return null;
  const tooLong = contextTooLong(totalTokens, description.contextTokens, exact);
  // What may fit after all is refused here only where the service would drop a part of it without a word.
  if (exact || dialect.refusesTooLong !== true) throw tooLong;
  return tooLong;
}

/** No text has more tokens than bytes, so short ones need no counting. */
function lengthOf(prompt: Prompt): number {
  if (prompt.kind === 'tokens') return prompt.ids.length;
  if (prompt.kind === 'raw') return Buffer.byteLength(prompt.text);
  return prompt.messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
}

interface Attempt {
  reader: AnswerReader;
  controller: AbortController;
}

async function untilAnswered(
  answering: Answering,
  request: GenerateRequest,
  attempt: Attempt,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await once(answering, request, attempt);
      return;
    } catch (error) {
      const known = transportError(answering.provider, error);
      const pauseMs = pauseBefore(known, tries);
      const isOver = attempt.reader.hasSaid || attempt.reader.isStopped || attempt.controller.signal.aborted;
      if (attempt.reader.isStopped || hasEnded(attempt, known)) return;
      if (isOver || pauseMs === null) throw known;
      await sleep(pauseMs, undefined, { signal: attempt.controller.signal });
    }
  }
}

/** The answer is whole; that its connection then breaks or falls silent takes nothing from it. */
function hasEnded({ reader, controller }: Attempt, { code }: AppError): boolean {
  return reader.isFinished && !controller.signal.aborted && connectionCodes.has(code);
}

/** Null: trying again would not help, or would keep a person waiting for too long. */
function pauseBefore(error: AppError, tries: number): number | null {
  if (!error.isRetryable || error.code === 'timed-out' || error.code === 'provider-answer-invalid')
    return null;
  if (tries >= mostTries) return null;
  const wanted = error.details?.['retryAfterMs'];
  const pauseMs = typeof wanted === 'number' ? wanted : firstPauseMs * 2 ** (tries - 1);
  return pauseMs > longestPauseMs ? null : pauseMs;
}

async function once({ provider, dialect, deadlines }: Answering, request: GenerateRequest, attempt: Attempt) {
  const { reader, controller } = attempt;
  const ended = new AbortController();
  const signal = AbortSignal.any([controller.signal, ended.signal]);
  const watch = startWatch(provider, deadlines, ended);
  try {
    await dialect.stream(
      request,
      (event) => {
        reader.take(event, provider);
        if (reader.isFinished) watch.heard(Math.min(figuresMs, deadlines.idleMs));
        // Roles, places in a queue and the like come before the prompt is read.
        else if (reader.hasSaid) watch.heard(deadlines.idleMs);
        // By a stop string that the service does not know or has not seen yet, or by length: the rest is nobody's.
        if (reader.isStopped) ended.abort();
      },
      signal,
    );
  } catch (error) {
    if (watch.expired && !controller.signal.aborted) throw watch.expired;
    throw error;
  } finally {
    watch.stop();
  }
}

interface Watch {
  /** Something came; the next must come within this time. */
  heard(nextWithinMs: number): void;
  stop(): void;
  /** Set when a deadline passed. */
  readonly expired: AppError | null;
}

/** Looks at the time now and then instead of setting a timer anew for every token. */
function startWatch(provider: RemoteProvider, deadlines: Deadlines, ended: AbortController): Watch {
  let expired: AppError | null = null;
  let lastAt = performance.now();
  let limitMs = deadlines.firstMs;
  const look = (): void => {
    if (performance.now() - lastAt < limitMs) return;
    expired = tooQuiet(provider, limitMs, limitMs === deadlines.firstMs);
    ended.abort();
  };
  const everyMs = Math.max(20, Math.min(deadlines.firstMs, deadlines.idleMs, 10_000) / 10);
  const timer = setInterval(look, everyMs).unref();
  return {
    heard: (nextWithinMs) => {
      lastAt = performance.now();
      limitMs = nextWithinMs;
    },
    stop: () => clearInterval(timer),
    get expired() {
      return expired;
    },
  };
}

function tooQuiet(provider: RemoteProvider, limitMs: number, isFirst: boolean): AppError {
  const seconds = Math.round(limitMs / 100) / 10;
  const what = isFirst ? `began no answer within ${seconds} s` : `said nothing more for ${seconds} s`;
  return new AppError('timed-out', `${provider.name} ${what}; the connection was closed.`, {
    hint: 'It may be overloaded or still loading the model. Try again in a moment.',
    details: { provider: provider.name },
  });
}

/**
 * A failure before the first word is one; after it the answer is interrupted, and `chat/runs` decides how it goes on.
 */
function endOf(provider: RemoteProvider, error: unknown, { reader, controller }: Attempt): RunPart {
  const { aborted, reason } = controller.signal;
  if (aborted && reason instanceof AppError)
    return { type: 'end', reason: 'interrupted', error: reason.toJSON() };
  const known = transportError(provider, error);
  const isCut = !aborted && reader.hasSaid && known.isRetryable;
  reader.release({ isOver: !isCut });
  if (aborted) return { type: 'end', reason: 'aborted' };
  return { type: 'end', reason: isCut ? 'interrupted' : 'failed', error: known.toJSON() };
}
