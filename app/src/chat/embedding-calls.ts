import { AppError } from '../contracts/app-error.ts';
import type { Embedding, Engine, Prompt } from '../engine/engine.ts';
import type { EmbeddingCalls } from './chats.ts';
import type { RunContext } from './runs/run-context.ts';
import { resolveSettings } from './settings/resolve-settings.ts';
import { programLayers, type SettingsSources } from './settings/settings-calls.ts';

export interface EmbeddingParts {
  context: RunContext;
  sources: SettingsSources;
}

/** A question asked meanwhile waits for so many texts of a list, not for all. */
const together = 4;

export function createEmbeddingCalls({ context, sources }: EmbeddingParts): EmbeddingCalls {
  return {
    async embed(owner, { model: wanted, prompts }, given) {
      const said = wanted === undefined ? {} : { model: wanted };
      const { model } = resolveSettings(await programLayers(sources, owner, said));
      const signal = AbortSignal.any([given, context.closing]);
      const source = await context.models.resolve(model, signal);
      const { engine, release } = await context.engines.acquire(source, {}, signal);
      try {
        if (!engine.capabilities.embed)
          throw new AppError('unsupported-field', `the service behind ${model} gives no embeddings here`, {
            hint: 'Models on this machine do.',
            details: { field: 'model' },
          });
        return { model: engine.describe(), embeddings: await embedAll(engine, { owner, prompts, signal }) };
      } finally {
        release();
      }
    },
  };
}

/** The first that fails ends the others. */
async function embedAll(
  engine: Engine,
  { owner, prompts, signal }: { owner: string; prompts: readonly Prompt[]; signal: AbortSignal },
): Promise<Embedding[]> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const embeddings: Embedding[] = [];
  const waiting = prompts.entries();
  const work = async (): Promise<void> => {
    for (const [index, prompt] of waiting)
      embeddings[index] = await engine.embed({ person: owner, prompt }, either);
  };
  try {
    await Promise.all(Array.from({ length: together }, work));
    return embeddings;
  } catch (error) {
    failure.abort();
    throw error;
  }
}
