import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createLlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { speedOf, timedChat, user } from './chat-client.ts';
import { measured, steadyRequest, wordsOf } from './engine-words.ts';
import { peerProgram, startLlamaServer } from './llama-peer.ts';
import { pair } from './measure.ts';

const cores = availableParallelism();
const tokens = Number(process.env['BENCH_TOKENS'] ?? 96);
const depth = 128;

/** One busy core: the engine against the peer, and against itself with one thread on a free machine. */
export async function busyRows(context: BenchContext, model: BenchModel): Promise<void> {
  const program = peerProgram('LLAMA_SERVER');
  if (program === null) {
    context.log('one busy core: left out, LLAMA_SERVER names no program');
    return;
  }
  const goal = model.name.startsWith('134m') ? 2 : 1.7;
  const [place, alone] = [
    await createLlamaWorkplace(),
    await createLlamaWorkplace({ maxThreads: cores - 1 }),
  ];
  const engine = await place.load(model, { contextTokens: 2048, slots: 4 });
  const fewer = await alone.load(model, { contextTokens: 2048, slots: 4 });
  const peer = await startLlamaServer(program, model.path, []);
  let seed = 200;
  const speed = async (one: typeof engine): Promise<number> =>
    (await measured(one, steadyRequest(wordsOf(depth - 16, ++seed), tokens))).timings.tokensPerSecond;
  const busily =
    <Value>(action: () => Promise<Value>) =>
    async (): Promise<Value> => {
      const spinner = spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' });
      try {
        return await action();
      } finally {
        spinner.kill('SIGKILL');
      }
    };
  const row = await pair({
    name: `one busy core of ${cores}, ${model.name}`,
    unit: 'tokens/s',
    ours: busily(() => speed(engine)),
    peer: busily(async () =>
      speedOf(await timedChat(peer.url, model.name, [user(wordsOf(depth - 16, ++seed))], tokens)),
    ),
    goal: `≥ ${goal} of llama-server`,
    isReached: (ratio) => ratio >= goal,
    note: 'llama-server with its defaults: its number of threads is what this row is about',
  });
  context.report(row);
  await peer.close();
  const held = await pair({
    name: `one busy core of ${cores} against ${cores - 1} free, ${model.name}`,
    unit: 'tokens/s',
    ours: busily(() => speed(engine)),
    peer: () => speed(fewer),
    goal: '≥ 0.8 of the speed with one free thread',
    isReached: (ratio) => ratio >= 0.8,
    note: 'the peer is ourselves, told to use one thread fewer, nothing else running',
  });
  context.report(held);
  await place.close();
  await alone.close();
}
