import type { ServiceClient } from './service-client.ts';
import { isRecord, sizeIn } from './service-values.ts';

/** What an Ollama on an ordinary machine gives a model where nobody says anything. */
export const usualOllamaContext = 4096;

/**
 * Tokens of context that an Ollama gives a model: what it has loaded it with, or what the model is made with. Null
 * where it does not say. Its list tells none, and beyond it the oldest messages are dropped without a word.
 */
export async function ollamaContext(
  client: ServiceClient,
  model: string,
  signal?: AbortSignal,
): Promise<number | null> {
  const options = signal === undefined ? {} : { signal };
  const root = nativeRoot(client.provider.url);
  // A proxy may hand on `/v1` alone, and older releases tell less.
  const ask = async (path: string, body?: object): Promise<unknown> =>
    client.json(root + path, { ...options, ...(body && { body }) }).catch(() => null);
  const [running, shown] = await Promise.all([ask('/api/ps'), ask('/api/show', { model })]);
  return loadedContext(running, model) ?? madeContext(shown);
}

/** The address that people give ends in `/v1`; Ollama's own API lies beside it. */
function nativeRoot(url: string): string {
  return new URL(url).pathname.endsWith('/v1') ? '/..' : '';
}

function loadedContext(running: unknown, model: string): number | null {
  const list = isRecord(running) && Array.isArray(running['models']) ? running['models'] : [];
  const names = [model, `${model}:latest`];
  const found = list.filter(isRecord).find(({ name }) => typeof name === 'string' && names.includes(name));
  return sizeIn(found?.['context_length']);
}

/** `num_ctx` of its Modelfile; without one an Ollama takes its own default, or all that a small model was trained with. */
function madeContext(shown: unknown): number | null {
  if (!isRecord(shown)) return null;
  const { parameters, model_info: information } = shown;
  const written = typeof parameters === 'string' ? /^num_ctx\s+(\d+)\s*$/mu.exec(parameters)?.[1] : undefined;
  const facts = isRecord(information) ? Object.entries(information) : [];
  const trained =
    sizeIn(facts.find(([name]) => name.endsWith('.context_length'))?.[1]) ?? Number.POSITIVE_INFINITY;
  const made = Math.min(sizeIn(Number(written)) ?? usualOllamaContext, trained);
  return written === undefined && made === usualOllamaContext ? null : made;
}
