import type { ContextPlan } from '../../contracts/runs.ts';
import type { Sampling } from '../../contracts/sampling.ts';
import type { Engine, GenerateRequest } from '../../engine/engine.ts';

/**
 * What is left to say of an answer of which `written` is there: each token is drawn by its place in the whole of it. A
 * `maxNewTokens` below 1 says that nothing is.
 */
export async function restOfAnswer(
  engine: Engine,
  { written, sampling, plan }: { written: string; sampling: Sampling; plan: ContextPlan },
): Promise<Pick<GenerateRequest, 'sampling' | 'drawnTokens'>> {
  const drawnTokens = await drawnBefore(engine, written);
  const wanted = (sampling.maxNewTokens ?? Number.MAX_SAFE_INTEGER) - drawnTokens;
  const room = plan.contextTokens - plan.promptTokens - drawnTokens;
  return {
    sampling: { ...sampling, maxNewTokens: Math.min(wanted, room) },
    ...(drawnTokens === 0 ? {} : { drawnTokens }),
  };
}

/** How many tokens an interruption came after; counted again from the text, as exactly as the engine counts. */
async function drawnBefore(engine: Engine, written: string): Promise<number> {
  if (written === '') return 0;
  if (!engine.capabilities.tokens)
    return (await engine.count({ kind: 'raw', text: written, parseSpecial: false, addBos: false }))
      .totalTokens;
  return (await engine.tokenize(written, { parseSpecial: false, addSpecial: false })).length;
}
