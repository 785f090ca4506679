import type { LlamaEngine } from '../src/engine/llama/llama-engine.ts';
import type { LlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { steadyRequest, wordsOf } from './engine-words.ts';
import { quantile, single } from './measure.ts';

const samples = 40;

/** From the wish to stop until the slot is free and the answer has ended, while generating and while reading. */
export async function cancelRows(
  context: BenchContext,
  place: LlamaWorkplace,
  model: BenchModel,
): Promise<void> {
  const engine = await place.load(model, { contextTokens: 2048, slots: 4 });
  for (const phase of ['generation', 'prefill'] as const) {
    const row = await single({
      name: `cancel in ${phase}, p99 of ${samples}, ${model.name}`,
      unit: 'ms',
      rounds: 1,
      measure: () => slowestCancel(engine, phase),
      goal: '≤ 100 ms',
      isReached: ({ high }) => high <= 100,
    });
    context.report(row);
  }
  await engine.close();
}

async function slowestCancel(engine: LlamaEngine, phase: 'generation' | 'prefill'): Promise<number> {
  const took: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const controller = new AbortController();
    let wishedAt = 0;
    const stop = (): void => {
      wishedAt = performance.now();
      controller.abort();
    };
    const tokens = phase === 'prefill' ? 1900 : 20;
    const request = steadyRequest(wordsOf(tokens, 1000 + sample), 500);
    const begins = phase === 'prefill' ? 'prompt-progress' : 'text-delta';
    let reason = '';
    for await (const part of engine.generate(request, controller.signal)) {
      if (part.type === 'end') reason = part.reason;
      // Somewhere inside of what follows, not at its very beginning.
      if (part.type === begins && wishedAt === 0) {
        wishedAt = Number.POSITIVE_INFINITY;
        setTimeout(stop, 5 + (sample % 10) * 7);
      }
    }
    if (reason !== 'aborted') throw new Error(`the answer ended with ${reason} before it was cancelled`);
    took.push(performance.now() - wishedAt);
  }
  return quantile(
    took.toSorted((a, b) => a - b),
    0.99,
  );
}
