import { AppError } from '../contracts/app-error.ts';
import type { Log } from '../lib/log.ts';
import { orAborted } from '../lib/or-aborted.ts';
import type { EngineLoader, LoadOptions, MemoryEstimate, ModelSource } from './engine.ts';
import { noLongerWanted, type FleetMember } from './fleet-member.ts';

/** Memory, and who makes way for whom in it. */
export interface Room {
  /** Resolves once the estimate says that the model has room; others leave for it, the longest unused first. */
  make(loader: EngineLoader, source: ModelSource, wanted: LoadOptions): Promise<void>;
  /** Something was released or went. */
  tell: () => void;
}

export function createRoom(members: ReadonlySet<FleetMember>, log: Log): Room {
  let waiting: (() => void)[] = [];
  const change = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));

  return {
    tell: () => {
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
    async make(loader, source, wanted) {
      for (;;) {
        const estimate = await loader.estimate(source, wanted);
        if (estimate?.fit !== 'will-not-fit') return;
        const local = [...members].filter((one) => one.isLoaded && one.source.kind !== 'remote');
        const [leaving] = local.filter((one) => one.isUnused).sort((a, b) => a.lastUsedAt - b.lastUsedAt);
        if (leaving) {
          log.info({ model: leaving.source.id, for: source.id }, 'model leaves memory for another');
          await leaving.drop();
        } else if (local.length > 0) {
          await orAborted(change(), wanted.signal, noLongerWanted);
        } else {
          throw doesNotFit(source, estimate);
        }
      }
    },
  };
}

function doesNotFit(source: ModelSource, estimate: MemoryEstimate): AppError {
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const { contextTokens, kvType, gpuLayers } = estimate.wouldFit ?? {};
  const changes = [
    contextTokens === undefined ? '' : `a context of ${contextTokens} tokens`,
    kvType === undefined ? '' : `a KV cache in ${kvType}`,
    gpuLayers === undefined ? '' : `${gpuLayers} layers on the GPU`,
  ].filter((text) => text !== '');
  return new AppError(
    'model-does-not-fit',
    `${source.id} needs ${gibibytes(estimate.totalBytes)} of memory; ${gibibytes(estimate.availableBytes)} can be had.`,
    {
      hint:
        changes.length > 0
          ? `It would fit with ${changes.join(' and ')}.`
          : 'Choose a smaller model or a smaller quantisation, or close other programs.',
      details: { estimate },
    },
  );
}
