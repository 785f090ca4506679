import { AppError } from '../../contracts/app-error.ts';
import type { PromptMessage } from '../../contracts/messages.ts';
import { samplingDefaults } from '../../contracts/sampling-defaults.ts';
import { openCompletion, startedParts, type OpenedCompletion } from '../completions.ts';
import { plainFieldOf } from '../field-names.ts';
import type { ServerContext } from '../server-context.ts';
import type { GradioInput } from './gradio-input.ts';
import { boundedHistory, questionFrom, turnsOf, withoutTurns } from './gradio-history.ts';
import type { GradioSession } from './gradio-sessions.ts';

export interface AnswerEvents {
  onQueue(position: number, etaMs: number | null): void;
  onStart(): void;
  /** The whole text so far; at most every 40 ms. */
  onText(text: string): void;
  /** Something the person should know. */
  onNote(message: string): void;
}

export interface AnswerCall {
  owner: string;
  session: GradioSession;
  input: GradioInput;
  signal: AbortSignal;
  events: AnswerEvents;
}

const flushMs = 40;

interface Fitted {
  opened: OpenedCompletion;
  /** So many messages of the history. */
  seen: number;
}

/** Asks with as much of the history as fits; what had to be left out is said, never hidden. */
async function openFitting(
  context: ServerContext,
  call: AnswerCall,
  history: PromptMessage[],
): Promise<Fitted> {
  const { owner, input, signal } = call;
  const system: PromptMessage[] =
    input.systemMessage === null || input.systemMessage === ''
      ? []
      : [{ role: 'system', content: input.systemMessage }];
  const turns = turnsOf(history);
  for (let leftOut = 0; ;) {
    const messages = [
      ...system,
      ...withoutTurns(history, leftOut),
      { role: 'user' as const, content: input.message },
    ];
    try {
      const opened = await openCompletion(context, {
        owner,
        dialect: 'gradio',
        signal,
        request: { prompt: { kind: 'chat', messages }, sampling: input.sampling },
      });
      // A service that refuses what is too long for it does so in its answer.
      const parts = await startedParts(opened);
      return { opened: { ...opened, parts }, seen: history.length - leftOut };
    } catch (error) {
      const isTooLong = error instanceof AppError && error.code === 'context-too-long';
      if (!isTooLong || leftOut >= turns.length) throw error;
      leftOut = questionFrom(turns, leftOut + Math.max(2, Math.ceil((turns.length - leftOut) / 4)));
    }
  }
}

function unseenNote(unseen: number): string[] {
  if (unseen <= 0) return [];
  return [`The model no longer sees the first ${unseen} messages: the conversation is too long for it.`];
}

/** Python's client sends every default that it was told of; nobody asked for those. */
function ignoredNote({ ignoredSampling, model }: OpenedCompletion, { sampling }: GradioInput): string[] {
  const defaults = new Map<string, unknown>(Object.entries(samplingDefaults));
  const asked = new Map<string, unknown>(Object.entries(sampling));
  const names = ignoredSampling.filter((name) => asked.get(name) !== defaults.get(name)).map(plainFieldOf);
  return names.length === 0 ? [] : [`The service behind ${model.id} does not take: ${names.join(', ')}.`];
}

/** The whole text, told as it grows. */
async function tellText({ parts }: OpenedCompletion, events: AnswerEvents): Promise<string> {
  let text = '';
  let flushedAt = 0;
  let isStarted = false;
  for await (const part of parts) {
    if (part.type === 'queue-position') events.onQueue(part.position, part.etaMs);
    else if (!isStarted) {
      isStarted = true;
      events.onStart();
    }
    if (part.type !== 'text-delta') continue;
    text += part.text;
    if (performance.now() - flushedAt < flushMs) continue;
    flushedAt = performance.now();
    events.onText(text);
  }
  return text;
}

/** Answers in a session and remembers the exchange. Resolves with the text, which is partial when it was stopped. */
export async function answerInSession(context: ServerContext, call: AnswerCall): Promise<string> {
  const { session, input, events, signal } = call;
  const said = input.history?.length ?? session.said;
  const history = boundedHistory(input.history ?? session.history);
  const { opened, seen } = await openFitting(context, call, history);
  const notes = [...unseenNote(said - seen), ...ignoredNote(opened, input)];
  if (notes.length > 0) events.onNote(notes.join(' '));
  const text = await tellText(opened, events);
  if (opened.outcome.error && !signal.aborted) throw opened.outcome.error;
  session.history = boundedHistory([
    ...history,
    { role: 'user', content: input.message },
    { role: 'assistant', content: text },
  ]);
  session.said = said + 2;
  return text;
}
