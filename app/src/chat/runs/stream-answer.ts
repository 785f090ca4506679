import { toAppError } from '../../contracts/app-error.ts';
import type { RunPart, Usage } from '../../contracts/run-parts.ts';
import type { AnswerEnd, AnswerFacts } from './answer-facts.ts';
import type { LiveRun } from './live-run.ts';
import type { PreparedAnswer } from './prepare-answer.ts';

/** Phase stream: text into the live run, figures into the facts. Resolves with how it ended. */
export async function streamAnswer(
  live: LiveRun,
  prepared: PreparedAnswer,
  known: { facts: AnswerFacts; signal: AbortSignal },
): Promise<AnswerEnd> {
  const { engine, request, prompt } = prepared;
  if ((request.sampling.maxNewTokens ?? 1) <= 0) {
    const { promptTokens } = prepared.plan;
    known.facts.usage = { promptTokens, cachedTokens: 0, completionTokens: request.drawnTokens ?? 0 };
    return { reason: 'length' };
  }
  live.setPhase('queued');
  const rendered = engine.capabilities.render ? rendering(prepared, known.signal) : Promise.resolve(null);
  let end: AnswerEnd = { reason: 'interrupted' };
  for await (const part of engine.generate({ ...request, prompt }, known.signal)) {
    if (part.type === 'usage') takeUsage(live, part.usage, { request, facts: known.facts });
    else if (part.type !== 'end') take(live, part, known.facts);
    else end = ending(part);
  }
  Object.assign(known.facts, await rendered);
  return end.reason === 'failed' && prepared.isGone() ? { ...end, reason: 'interrupted' } : end;
}

/** What the receipt says of the prompt; an engine that cannot tell it costs nobody the answer. */
async function rendering(
  { engine, prompt }: PreparedAnswer,
  signal: AbortSignal,
): Promise<Pick<AnswerFacts, 'promptIdsHash' | 'template'> | null> {
  try {
    const { idsHash, template } = await engine.render(prompt, signal);
    return { promptIdsHash: idsHash, template };
  } catch {
    return null;
  }
}

function take(live: LiveRun, part: Exclude<RunPart, { type: 'end' | 'usage' }>, facts: AnswerFacts): void {
  switch (part.type) {
    case 'text-delta':
      live.setPhase('streaming');
      live.append(part.text);
      return;
    case 'queue-position':
      live.setPhase('queued');
      break;
    case 'prompt-progress':
      live.setPhase('streaming');
      break;
    case 'timings':
      facts.timings = part.timings;
      break;
    case 'model-load':
    case 'token':
      break;
  }
  live.tell(part);
}

/** Of a resumed answer, what was written before counts as written, not as prompt. */
function takeUsage(
  live: LiveRun,
  said: Usage,
  { request, facts }: { request: PreparedAnswer['request']; facts: AnswerFacts },
): void {
  const drawn = request.drawnTokens ?? 0;
  // Where the engine is elsewhere, `drawn` may be a guess.
  const promptTokens = Math.max(0, said.promptTokens - drawn);
  facts.usage = {
    promptTokens,
    cachedTokens: Math.min(said.cachedTokens, promptTokens),
    completionTokens: said.completionTokens + drawn,
  };
  live.tell({ type: 'usage', usage: facts.usage });
}

function ending(part: Extract<RunPart, { type: 'end' }>): AnswerEnd {
  return {
    reason: part.reason,
    ...(part.stopString === undefined ? {} : { stopString: part.stopString }),
    ...(part.error === undefined ? {} : { error: part.error }),
  };
}

export function endOfError(error: unknown, signal: AbortSignal): AnswerEnd {
  const known = toAppError(error);
  if (signal.aborted || known.code === 'cancelled') return { reason: 'aborted' };
  if (known.code === 'engine-crashed' || known.code === 'engine-hung')
    return { reason: 'interrupted', error: known.toJSON() };
  return { reason: 'failed', error: known.toJSON() };
}
