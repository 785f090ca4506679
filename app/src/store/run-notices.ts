import type { Run } from '../contracts/runs.ts';
import type { RunNotice } from './run-store.ts';

/** Hands notices about runs to those who watch them, inside this process. */
export interface RunNotices {
  readonly publish: (notice: RunNotice) => void;
  /** Notices may have been missed: every watcher looks at the present state again. */
  readonly recheck: () => void;
  /**
   * Starts to listen, then asks `present` for the state as it is; what happens in between is not missed. Notices that
   * nobody took yet are merged into the newest.
   */
  watch(
    runId: string,
    present: () => Promise<RunNotice | null>,
    signal: AbortSignal,
  ): AsyncIterable<RunNotice>;
}

/** Null: look again. */
type Listener = (notice: RunNotice | null) => void;

export function toNotice(
  run: Pick<Run, 'id' | 'epoch' | 'durableOffset' | 'phase'> | null,
): RunNotice | null {
  return run && { runId: run.id, epoch: run.epoch, durableOffset: run.durableOffset, phase: run.phase };
}

export function createRunNotices(): RunNotices {
  const listeners = new Map<string, Set<Listener>>();

  const listen = (runId: string, listener: Listener): (() => void) => {
    const known = listeners.get(runId) ?? new Set();
    listeners.set(runId, known.add(listener));
    return () => {
      known.delete(listener);
      if (known.size === 0) listeners.delete(runId);
    };
  };

  return {
    publish(notice) {
      for (const listener of listeners.get(notice.runId) ?? []) listener(notice);
    },

    recheck() {
      for (const known of listeners.values()) for (const listener of known) listener(null);
    },

    async *watch(runId, present, signal) {
      const waiting: RunNotice[] = [];
      let wake: () => void = () => undefined;
      let lookAgain = true;
      const offer = (notice: RunNotice | null): void => {
        const [known] = waiting;
        if (notice === null) lookAgain = true;
        else if (known === undefined || isNewer(notice, known)) waiting[0] = notice;
        wake();
      };
      const stop = listen(runId, offer);
      const onAbort = (): void => wake();
      signal.addEventListener('abort', onAbort);
      try {
        while (!signal.aborted) {
          if (lookAgain) {
            lookAgain = false;
            // What is there now may also be older: a backup was restored.
            waiting.length = 0;
            const now = await present();
            if (!now) return;
            offer(now);
          }
          const notice = waiting.shift();
          if (notice) yield notice;
          if (notice?.phase === 'ended') return;
          if (waiting.length === 0 && !lookAgain && !signal.aborted)
            await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        stop();
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}

/** Notices may arrive out of order where several processes write. */
function isNewer(candidate: RunNotice, known: RunNotice): boolean {
  if (candidate.phase === 'ended' || known.phase === 'ended') return known.phase !== 'ended';
  if (candidate.epoch !== known.epoch) return candidate.epoch > known.epoch;
  return candidate.durableOffset >= known.durableOffset;
}
