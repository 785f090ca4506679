import type { WorkerClient } from './worker-client.ts';

export interface HeldCalls {
  call: WorkerClient['call'];
  /** Does what must see nothing written; calls that are made meanwhile meet what is there afterwards. */
  holdFor<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** One at a time asks for silence. */
export function holdCalls(writer: WorkerClient): HeldCalls {
  let held: Promise<void> | undefined;
  return {
    async call(name, parameters) {
      if (held) await held;
      return writer.call(name, parameters);
    },
    async holdFor(work) {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      try {
        // It answers in order: all that was given before is on disk then.
        await writer.call('$health', []);
        return await work();
      } finally {
        held = undefined;
        resolve();
      }
    },
  };
}
