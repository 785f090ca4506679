import { availableParallelism } from 'node:os';
import { processorPackageFolder } from '../src/engine/llama/libraries.ts';
import type { LlamaEngine } from '../src/engine/llama/llama-engine.ts';
import type { LlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { timedChat } from './chat-client.ts';
import { startCorral } from './corral-service.ts';
import { measured, steadyRequest, wordsOf } from './engine-words.ts';
import { LlamaBench, peerProgram } from './llama-peer.ts';
import { pair, single, spread } from './measure.ts';

const cores = availableParallelism();
const tokens = Number(process.env['BENCH_TOKENS'] ?? 96);
const depth = 128;

export async function streamRow(
  context: BenchContext,
  place: LlamaWorkplace,
  model: BenchModel,
): Promise<void> {
  const program = peerProgram('LLAMA_BENCH');
  if (program === null) {
    context.log('one stream: left out, LLAMA_BENCH names no program');
    return;
  }
  const peer = new LlamaBench(program, processorPackageFolder());
  const engine = await place.load(model, { contextTokens: 2048, slots: 4 });
  await measured(engine, steadyRequest(wordsOf(depth - 16, 0), 16));
  let seed = 0;
  const row = await pair({
    name: `one stream inside the engine, ${model.name}`,
    unit: 'tokens/s',
    ours: async () =>
      (await measured(engine, steadyRequest(wordsOf(depth - 16, ++seed), tokens))).timings.tokensPerSecond,
    peer: () => peer.generate(model.path, { tokens, depth, threads: cores }),
    goal: '≥ 0.97 of llama-bench',
    isReached: (ratio) => ratio >= 0.97,
    note: `same libraries, ${cores} threads, ${tokens} tokens after ${depth}; llama-bench with and without flash attention`,
  });
  context.report(row);
  await engine.close();
  peer.close();
}

/** What goes by outside of `llama_decode`, told by the child itself; then what a reader over HTTP waits beyond it. */
export async function overheadRows(
  context: BenchContext,
  place: LlamaWorkplace,
  model: BenchModel,
): Promise<void> {
  const engine = await place.load(model, { contextTokens: 2048, slots: 4 });
  await measured(engine, steadyRequest('warm up', 200));
  let seed = 100;
  const threadMs: number[] = [];
  const row = await single({
    name: `overhead outside llama_decode, in process, ${model.name}`,
    unit: 'ms a token',
    measure: async () => {
      const spent = await spentOn(engine, ++seed);
      threadMs.push(spent.overheadThreadMs);
      return spent.overheadMs;
    },
    goal: '≤ 0.08 ms',
    isReached: ({ median }) => median <= 0.08,
    note: "the child's own count, prompt of 24 tokens and the turns of the event loop included",
  });
  const ofThread = `processor time of the computing thread in it: ${spread(threadMs).median.toFixed(3)} ms`;
  context.report({ ...row, note: `${row.note}; ${ofThread}` });
  await servedOverheadRow(context, engine, model);
  await engine.close();
}

/** The same model behind our server and inside the bench, in turns. */
async function servedOverheadRow(
  context: BenchContext,
  engine: LlamaEngine,
  model: BenchModel,
): Promise<void> {
  const service = await startCorral(model, 4);
  let seed = 150;
  const servedMs = async (): Promise<number> => {
    const messages = [{ role: 'user', content: wordsOf(8, ++seed) }] as const;
    const answer = await timedChat(service.url, model.name, messages, spentTokens);
    return answer.generationMs / (answer.tokens - 1);
  };
  try {
    await servedMs();
    const row = await single({
      name: `overhead outside llama_decode, served, ${model.name}`,
      unit: 'ms a token',
      measure: async () => {
        const { decodeMs } = await spentOn(engine, ++seed);
        return (await servedMs()) - decodeMs;
      },
      goal: '≤ 0.3 ms',
      // A difference of two times that vary more than the goal says nothing.
      isReached: ({ median, low, high }) => (high - low > 0.3 ? null : median <= 0.3),
      note: 'between two tokens as a reader over HTTP sees them, less a decode of the same model in the bench',
    });
    context.report(row);
  } finally {
    await service.close();
  }
}

const spentTokens = 200;

/** Milliseconds a token. */
async function spentOn(
  engine: LlamaEngine,
  seed: number,
): Promise<{ overheadMs: number; overheadThreadMs: number; decodeMs: number }> {
  const before = await engine.stats();
  await measured(engine, steadyRequest(wordsOf(8, seed), spentTokens));
  const after = await engine.stats();
  const count = after.generatedTokens - before.generatedTokens;
  return {
    overheadMs: (after.overheadMs - before.overheadMs) / count,
    overheadThreadMs: (after.overheadThreadMs - before.overheadThreadMs) / count,
    decodeMs: (after.decodeMs - before.decodeMs) / count,
  };
}
