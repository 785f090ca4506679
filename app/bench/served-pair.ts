import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { startCorral } from './corral-service.ts';
import { peerProgram, startLlamaServer, type Service } from './llama-peer.ts';

export interface ServedOptions {
  title: string;
  slots: number;
  /** Sets of flags of llama-server, its defaults first. */
  peerVariants: readonly string[][];
  /** More is better; one round of it decides which set of flags is the one to beat. */
  probe: (service: Service) => Promise<number>;
}

export interface Peer {
  service: Service;
  /** Which flags it runs with, and what the others did. */
  note: string;
}

/** Our server and llama-server with whichever of its flags are faster here; left out where it is not named. */
export async function withBoth(
  context: BenchContext,
  model: BenchModel,
  options: ServedOptions,
  measure: (ours: Service, peer: Peer) => Promise<void>,
): Promise<void> {
  const program = peerProgram('LLAMA_SERVER');
  if (program === null) {
    context.log(`${options.title}: left out, LLAMA_SERVER names no program`);
    return;
  }
  const peer = await bestPeer(program, model, options);
  const ours = await startCorral(model, options.slots);
  try {
    await measure(ours, peer);
  } finally {
    await ours.close();
    await peer.service.close();
  }
}

async function bestPeer(program: string, model: BenchModel, options: ServedOptions): Promise<Peer> {
  const tried: { words: string[]; figure: number }[] = [];
  for (const words of options.peerVariants) {
    const service = await startLlamaServer(program, model.path, words);
    // The first answer also wakes what sleeps.
    await options.probe(service);
    tried.push({ words, figure: await options.probe(service) });
    await service.close();
  }
  const best = tried.toSorted((a, b) => b.figure - a.figure)[0];
  const described = tried.map(
    ({ words, figure }) => `"${words.join(' ') || 'defaults'}" ${figure.toFixed(1)}`,
  );
  return {
    service: await startLlamaServer(program, model.path, best?.words ?? []),
    note: `llama-server with "${best?.words.join(' ') || 'defaults'}"; one round each: ${described.join(', ')}`,
  };
}
