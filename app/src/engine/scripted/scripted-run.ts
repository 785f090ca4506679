import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../contracts/app-error.ts';
import type { EndReason, RunPart } from '../../contracts/run-parts.ts';
import { samplingDefaults } from '../../contracts/sampling-defaults.ts';
import type { TemplateDescription } from '../../prompts/template-description.ts';
import { checkRequest, contextTooLong } from '../check-request.ts';
import type { GenerateRequest, ModelDescription } from '../engine.ts';
import { PaceMeter } from '../pace.ts';
import { StopStrings } from '../stop-strings.ts';
import { mishapInMessage, scriptedAnswer, wordAt, type Mishap, type Script } from './script.ts';
import { endTokenIds, tokenBytes, tokenizeText } from './scripted-tokenizer.ts';
import type { Turns } from './turns.ts';

export interface EncodedRequest {
  ids: number[];
  messageTokens: number[];
  overheadTokens: number;
  /** What is answered. */
  question: string;
  openAnswer: string;
  template: TemplateDescription;
}

export interface ScriptedRun {
  request: GenerateRequest;
  encoded: EncodedRequest;
  script: Script;
  description: ModelDescription;
  turns: Turns;
  /** State key → ids whose state is kept. */
  states: Map<string, number[]>;
  push: (part: RunPart) => void;
  signal: AbortSignal;
  crash: () => void;
}

interface Outcome {
  reason: EndReason;
  stopString?: string;
  /** Tokens said, end token not counted. */
  ids: number[];
  firstTokenAt: number;
  pace: PaceMeter;
}

/** One answer. Throws when it is cancelled or fails; whoever calls says how it ended. */
export async function runScript(run: ScriptedRun): Promise<void> {
  const { request, encoded, description, push, signal } = run;
  const started = performance.now();
  checkRequest(request, description);
  const promptTokens = encoded.ids.length;
  if (promptTokens >= description.contextTokens)
    throw contextTooLong(promptTokens, description.contextTokens);
  const release = await run.turns.take(request.person, {
    isSide: request.priority === 'side',
    onPosition: (position) => push({ type: 'queue-position', position, etaMs: run.script.etaMs ?? null }),
    signal,
  });
  try {
    const queuedAt = performance.now();
    const cachedTokens = commonLength(run.states.get(request.stateKey ?? '') ?? [], encoded.ids);
    await readPrompt(run, cachedTokens);
    const readAt = performance.now();
    const outcome = await speak(run);
    const endedAt = performance.now();
    const completionTokens = outcome.ids.length;
    push({ type: 'usage', usage: { promptTokens, cachedTokens, completionTokens } });
    push({
      type: 'timings',
      timings: {
        queuedMs: queuedAt - started,
        promptMs: readAt - queuedAt,
        firstTokenMs: outcome.firstTokenAt - started,
        generationMs: endedAt - readAt,
        promptTokensPerSecond: perSecond(promptTokens, readAt - queuedAt),
        tokensPerSecond: perSecond(completionTokens, endedAt - readAt),
        ...outcome.pace.shown(),
      },
    });
    const { reason, stopString } = outcome;
    push({ type: 'end', reason, ...(stopString === undefined ? {} : { stopString }) });
  } finally {
    release();
  }
}

function perSecond(count: number, durationMs: number): number {
  return durationMs <= 0 ? 0 : (count * 1000) / durationMs;
}

function commonLength(kept: readonly number[], ids: readonly number[]): number {
  let length = 0;
  // The last token is always read anew: its logits are needed.
  while (length < ids.length - 1 && kept[length] === ids[length]) length++;
  return length;
}

async function readPrompt({ encoded, script, push, signal }: ScriptedRun, cached: number): Promise<void> {
  const total = encoded.ids.length;
  push({ type: 'prompt-progress', processed: cached, total, cached });
  if (script.promptTokensPerSecond !== undefined) {
    await delay(((total - cached) * 1000) / script.promptTokensPerSecond, undefined, { signal });
  }
  push({ type: 'prompt-progress', processed: total, total, cached });
}

async function speak(run: ScriptedRun): Promise<Outcome> {
  const { request, encoded, script, push, signal } = run;
  const { sampling } = request;
  const room = run.description.contextTokens - encoded.ids.length;
  const limit = Math.min(sampling.maxNewTokens ?? samplingDefaults.maxNewTokens, room);
  const stops = new StopStrings(sampling.stop ?? [], encoded.openAnswer);
  const decoder = new TextDecoder();
  const mishap = mishapOf(run);
  const said: number[] = [];
  const meter = new PaceMeter();
  let firstTokenAt = performance.now();
  const show = (text: string): void => {
    if (text !== '') push({ type: 'text-delta', text });
  };
  const finish = (reason: EndReason, stopString?: string): Outcome => {
    show(stops.end());
    if (request.stateKey !== undefined) run.states.set(request.stateKey, [...encoded.ids, ...said]);
    return {
      reason,
      ids: said,
      firstTokenAt,
      pace: meter,
      ...(stopString === undefined ? {} : { stopString }),
    };
  };
  try {
    for (const id of answerTokens(run)) {
      await suffer(mishap, said.length, run);
      if (said.length === limit) return finish('length');
      await pace(script, said.length, signal);
      if (said.length === 0) firstTokenAt = performance.now();
      if (endTokenIds.includes(id)) return finish('stop');
      if (sampling.stopTokenIds?.includes(id) === true) return finish('stop-token');
      said.push(id);
      meter.count(1, performance.now());
      if (sampling.logprobs !== undefined) push(tokenPart(id, sampling.logprobs));
      const { text, stop } = stops.push(decoder.decode(tokenBytes(id), { stream: true }));
      show(text);
      if (stop !== null) return finish('stop-string', stop);
    }
    return finish('stop');
  } catch (error) {
    finish('aborted');
    throw error;
  }
}

function mishapOf({ script, request, encoded }: ScriptedRun): Mishap | null {
  return script.mishap ? script.mishap(request, encoded.question) : mishapInMessage(encoded.question);
}

/** The tokens to say: what the open answer lacks, then the end, or words without end where that is asked for. */
function* answerTokens({ request, encoded, script }: ScriptedRun): Generator<number> {
  const seed = request.sampling.seed ?? 0;
  const whole = script.answer?.(encoded.question, request) ?? scriptedAnswer(encoded.question, seed);
  const isBegun = whole.startsWith(encoded.openAnswer);
  yield* tokenizeText(isBegun ? whole.slice(encoded.openAnswer.length) : ` ${wordAt(seed, 0)}.`);
  if (request.sampling.ignoreEos !== true) yield endTokenIds[1] ?? 0;
  for (let position = 0; ; position++) yield* tokenizeText(` ${wordAt(seed, position)}`);
}

async function suffer(mishap: Mishap | null, saidTokens: number, run: ScriptedRun): Promise<void> {
  if (!mishap || saidTokens !== mishap.afterTokens) return;
  if (mishap.kind === 'fail') throw new AppError(mishap.code, mishap.message);
  if (mishap.kind === 'crash') run.crash();
  await new Promise((_, reject) => {
    const stop = (): void => reject(new AppError('cancelled', 'The answer was stopped.'));
    if (run.signal.aborted) stop();
    else run.signal.addEventListener('abort', stop, { once: true });
  });
}

async function pace(script: Script, saidTokens: number, signal: AbortSignal): Promise<void> {
  if (script.tokensPerSecond !== undefined) {
    await delay(1000 / script.tokensPerSecond, undefined, { signal });
  } else if (saidTokens % 32 === 0) {
    await breathe();
  }
  if (signal.aborted) throw new AppError('cancelled', 'The answer was stopped.');
}

function tokenPart(id: number, alternatives: number): RunPart {
  const bytes = [...tokenBytes(id)];
  const text = Buffer.from(bytes).toString('utf8');
  const top = Array.from({ length: alternatives }, (_, rank) => ({ id, text, bytes, logprob: -0.1 - rank }));
  return { type: 'token', token: { id, text, bytes, logprob: -0.1, top } };
}
