import { AppError } from '../../contracts/app-error.ts';
import { orAborted } from '../../lib/or-aborted.ts';

/**
 * Runs that were there when an engine went away. Which one did it nobody knows at first, so after a second time they are
 * let in one at a time: then the guilty one is alone.
 */
export class Suspects {
  readonly #active = new Map<string, Set<string>>();
  readonly #turns = new Map<string, Promise<void>>();

  /** Counts a run among those of a model while it is being answered. */
  enter(modelId: string, runId: string): () => void {
    const active = this.#active.get(modelId) ?? new Set<string>();
    this.#active.set(modelId, active.add(runId));
    // Those whose engine went away end in the same turn of the event loop; each must still see the others.
    return () => setImmediate(() => active.delete(runId));
  }

  isAlone(modelId: string): boolean {
    return (this.#active.get(modelId)?.size ?? 0) <= 1;
  }

  /** Waits for its turn among the suspects of a model; the result ends the turn. Who is aborted gives it up. */
  async turn(modelId: string, signal: AbortSignal): Promise<() => void> {
    const before = this.#turns.get(modelId) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.set(
      modelId,
      before.then(() => promise),
    );
    try {
      await orAborted(before, signal, stoppedWaiting);
    } catch (error) {
      resolve();
      throw error;
    }
    return resolve;
  }
}

function stoppedWaiting(): AppError {
  return new AppError('cancelled', 'The answer was stopped while it waited.');
}
