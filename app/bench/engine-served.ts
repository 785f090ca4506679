import { availableParallelism } from 'node:os';
import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { speedOf, timedChat, user } from './chat-client.ts';
import { wordsOf } from './engine-words.ts';
import type { Service } from './llama-peer.ts';
import { pair, secondRow } from './measure.ts';
import { withBoth } from './served-pair.ts';

const tokens = Number(process.env['BENCH_TOKENS'] ?? 96);
const depth = 128;
const cores = availableParallelism();

/** One stream over HTTP: generation and first token apart, of the same rounds. */
export async function servedRows(context: BenchContext, model: BenchModel): Promise<void> {
  let seed = 300;
  const first = { ours: [] as number[], peer: [] as number[] };
  const speed = async (service: Service, seen: number[]): Promise<number> => {
    const answer = await timedChat(service.url, model.name, [user(wordsOf(depth - 16, ++seed))], tokens);
    seen.push(answer.firstTokenMs);
    return speedOf(answer);
  };
  const goal = model.name.startsWith('134m') ? 0.95 : 1;
  await withBoth(
    context,
    model,
    {
      title: 'one stream over HTTP',
      slots: 4,
      peerVariants: [[], ['-np', '1', '-t', String(cores), '-fa', 'on']],
      probe: (service) => speed(service, []),
    },
    async (ours, peer) => {
      await speed(ours, []);
      const generation = await pair({
        name: `one stream over HTTP, generation, ${model.name}`,
        unit: 'tokens/s',
        ours: () => speed(ours, first.ours),
        peer: () => speed(peer.service, first.peer),
        goal: `≥ ${goal} of llama-server`,
        isReached: (ratio) => ratio >= goal,
        note: peer.note,
      });
      context.report(generation);
      context.report(
        secondRow(generation, first, {
          name: `one stream over HTTP, first token, ${model.name}`,
          unit: 'ms',
          goal: '≤ 1.0 of llama-server',
          isReached: (ratio) => ratio <= 1,
        }),
      );
    },
  );
}
