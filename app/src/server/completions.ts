import { AppError } from '../contracts/app-error.ts';
import type { EndReason, RunPart, Timings, TokenLogprob, Usage } from '../contracts/run-parts.ts';
import type { Completion, CompletionRequest } from '../chat/chats.ts';
import { orAborted } from '../lib/or-aborted.ts';
import type { ServerContext } from './server-context.ts';

/** What every dialect is a translation of: one answer outside of any chat. */
export interface OpenedCompletion extends Omit<Completion, 'parts'> {
  /** Text, tokens, progress; `usage`, `timings` and `end` are kept apart in `outcome`. */
  parts: AsyncIterable<RunPart>;
  /** Complete when `parts` ended. */
  outcome: Outcome;
}

export interface Outcome {
  reason: EndReason;
  stopString: string | null;
  usage: Usage | null;
  timings: Timings | null;
  error: AppError | null;
}

export interface CollectedCompletion extends Omit<OpenedCompletion, 'parts'> {
  text: string;
  tokens: TokenLogprob[];
}

function endFault(part: Extract<RunPart, { type: 'end' }>): AppError | null {
  if (part.error) return AppError.fromJSON(part.error);
  if (part.reason === 'interrupted') {
    return new AppError('engine-crashed', 'the engine went away in the middle of the answer', {
      hint: 'Ask again; it has been started anew.',
    });
  }
  return part.reason === 'failed' ? new AppError('internal', 'the answer failed') : null;
}

function shuttingDown(cause?: unknown): AppError {
  return new AppError('shutting-down', 'the server is stopping and leaves this answer unfinished', {
    hint: 'Ask again in a moment.',
    cause,
  });
}

interface Place {
  /** Aborted when the client is gone, and when a stop waits no longer. */
  signal: AbortSignal;
  /** Aborted for the second of these reasons alone. */
  stopping: AbortSignal;
  /** False: it had left before. */
  leave: () => boolean;
}

/** A place among what a stop waits for until it has left, and cuts when it takes too long. */
function joinInFlight(context: ServerContext, gone: AbortSignal): Place {
  // What waits behind another answer of its Gradio session would begin when the drain has cut that one.
  if (context.isClosing) throw shuttingDown();
  const controller = new AbortController();
  context.inFlight.add(controller);
  return {
    signal: AbortSignal.any([gone, controller.signal]),
    stopping: controller.signal,
    leave: () => context.inFlight.delete(controller),
  };
}

/** Work that is no completion, with the time that a stop gives to those. */
export async function whileOpen<Value>(
  context: ServerContext,
  gone: AbortSignal,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const { signal, stopping, leave } = joinInFlight(context, gone);
  try {
    return await orAborted(work(signal), stopping, shuttingDown);
  } finally {
    leave();
  }
}

/** What `stopping` cuts is a fault: half a text must not look like a whole one. */
async function* watched(
  parts: AsyncIterable<RunPart>,
  { outcome, stopping, onEnd }: { outcome: Outcome; stopping: AbortSignal; onEnd: () => void },
): AsyncIterable<RunPart> {
  try {
    for await (const part of parts) {
      if (part.type === 'usage') outcome.usage = part.usage;
      else if (part.type === 'timings') outcome.timings = part.timings;
      else if (part.type === 'end') {
        outcome.reason = part.reason;
        outcome.stopString = part.stopString ?? null;
        outcome.error = part.reason === 'aborted' && stopping.aborted ? shuttingDown() : endFault(part);
      }
      yield part;
    }
  } finally {
    onEnd();
  }
}

export interface CompletionCall {
  owner: string;
  /** For the metrics: `openai`, `tgi`, `gradio`. */
  dialect: string;
  request: CompletionRequest;
  /** Aborted when the client is gone: the engine stops. */
  signal: AbortSignal;
}

/** Rejects before a word is written where it cannot be answered: unknown model, too long, wrong schema, stopping. */
export async function openCompletion(
  context: ServerContext,
  call: CompletionCall,
): Promise<OpenedCompletion> {
  const { signal, stopping, leave } = joinInFlight(context, call.signal);
  const outcome: Outcome = { reason: 'aborted', stopString: null, usage: null, timings: null, error: null };
  const onEnd = (): void => {
    if (!leave()) return;
    const { usage, timings, reason } = outcome;
    context.metrics.answer({ dialect: call.dialect, usage, timings, reason });
  };
  try {
    const { parts, ...rest } = await context.chats.complete(call.owner, call.request, signal);
    return { ...rest, outcome, parts: watched(parts, { outcome, stopping, onEnd }) };
  } catch (error) {
    leave();
    throw stopping.aborted ? shuttingDown(error) : error;
  }
}

/** The whole answer at once. Throws what made it fail. */
export async function collectCompletion(
  context: ServerContext,
  call: CompletionCall,
): Promise<CollectedCompletion> {
  const { parts, ...opened } = await openCompletion(context, call);
  let text = '';
  const tokens: TokenLogprob[] = [];
  for await (const part of parts) {
    if (part.type === 'text-delta') text += part.text;
    else if (part.type === 'token') tokens.push(part.token);
  }
  if (opened.outcome.error) throw opened.outcome.error;
  return { ...opened, text, tokens };
}

/**
 * The parts with the first one already there: what fails before anything was said is thrown here, while an HTTP
 * status can still tell it.
 */
export async function startedParts({ parts, outcome }: OpenedCompletion): Promise<AsyncIterable<RunPart>> {
  const iterator = parts[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (!first.done && first.value.type === 'end' && outcome.error) {
    await iterator.next();
    throw outcome.error;
  }
  return (async function* () {
    try {
      for (let step = first; !step.done; step = await iterator.next()) yield step.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

const anyModel = new Set(['', 'default', 'tgi', 'dummy', 'corral']);

/** Clients that know one model only send a placeholder, or the address they call. */
export function isPlaceholder(model: string): boolean {
  return anyModel.has(model) || /^https?:\/\//.test(model);
}
