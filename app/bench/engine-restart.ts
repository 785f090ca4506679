import type { LlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { measured, steadyRequest, wordsOf } from './engine-words.ts';
import { pair } from './measure.ts';

/** First token of a chat of 1,500 tokens after a restart, from "model loaded", restored against read anew. */
export async function restartRow(
  context: BenchContext,
  place: LlamaWorkplace,
  model: BenchModel,
): Promise<void> {
  const options = { contextTokens: 2048, slots: 4 };
  const question = wordsOf(Number(process.env['BENCH_RESTART_WORDS'] ?? 1500), 5);
  const ask = async (stateKey: string): Promise<number> => {
    const engine = await place.load(model, options);
    const { timings } = await measured(engine, steadyRequest(question, 2, { stateKey }));
    await engine.close();
    return timings.firstTokenMs;
  };
  await ask('kept');
  let fresh = 0;
  const row = await pair({
    name: `first token of a 1,500-token chat after a restart, ${model.name}`,
    unit: 'ms',
    ours: () => ask('kept'),
    peer: () => ask(`fresh-${++fresh}`),
    goal: '≤ 1/40 of reading it anew',
    isReached: (ratio) => ratio <= 1 / 40,
    note: 'the peer is ourselves, without a saved state',
  });
  context.report(row);
}
