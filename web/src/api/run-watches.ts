import type { RunEvent } from '@corral/app/contracts/runs';
import { answerMs, pauseMs } from './patience.ts';
import { ApiError, request } from './request.ts';

/** Where a watcher is: asked each time, because text came in since. */
export interface Watcher {
  position: () => { from: number; epoch: number };
  event: (event: RunEvent) => void;
  /** The server says nothing more of this run, which may be over: the chat tells, and is to be loaded. */
  lost: () => void;
}

interface Watch {
  watcher: Watcher;
  /** How often in a row it came to nothing. */
  refusals: number;
  /** The newest attempt; older ones give up. */
  attempt: symbol;
}

export interface RunWatchesOptions {
  /** The stream that is being read, over which the events come; null while there is none. */
  streamId: () => string | null;
  /** The server does not have it any more. */
  onStreamGone: (streamId: string) => void;
}

const path = (streamId: string, runId: string): string => `/api/streams/${streamId}/runs/${runId}`;

/** What a tab watches on its stream. Whatever goes wrong, a run is asked for again until somebody leaves it. */
export class RunWatches {
  readonly #options: RunWatchesOptions;
  readonly #watches = new Map<string, Watch>();

  constructor(options: RunWatchesOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#watches.size === 0;
  }

  add(runId: string, watcher: Watcher): void {
    const refusals = this.#watches.get(runId)?.refusals ?? 0;
    this.#watches.set(runId, { watcher, refusals, attempt: Symbol() });
    void this.#ask(runId);
  }

  remove(runId: string): void {
    const streamId = this.#options.streamId();
    if (!this.#watches.delete(runId) || !streamId) return;
    request<void>('DELETE', path(streamId, runId)).catch(() => {
      // The stream ended meanwhile, and its watches with it.
    });
  }

  event(event: RunEvent): void {
    const watch = this.#watches.get(event.runId);
    if (!watch) return;
    watch.refusals = 0;
    watch.watcher.event(event);
  }

  /** The line is up: everything is asked for from where its text ends. */
  askAll(): void {
    for (const runId of this.#watches.keys()) void this.#ask(runId);
  }

  /** The server let go of a run: it is over, or could not be read just now. */
  async letGo(runId: string): Promise<void> {
    const watch = this.#watches.get(runId);
    if (!watch) return;
    const { attempt } = watch;
    watch.watcher.lost();
    await rest(watch);
    if (this.#isNewest(runId, watch, attempt)) await this.#ask(runId);
  }

  async #ask(runId: string): Promise<void> {
    const streamId = this.#options.streamId();
    const watch = this.#watches.get(runId);
    // Without a line: it is asked for when there is one.
    if (!watch || !streamId) return;
    const attempt = (watch.attempt = Symbol());
    try {
      await request<void>('PUT', path(streamId, runId), { query: watch.watcher.position(), answerMs });
    } catch (error) {
      const isLate = error instanceof ApiError && error.isLate;
      if (!isLate) await rest(watch);
      if (!this.#isNewest(runId, watch, attempt)) return;
      // Of the run nothing is said here: it is the stream that is not there.
      const isStreamGone = error instanceof ApiError && error.status === 404;
      if (isStreamGone) this.#options.onStreamGone(streamId);
      else await this.#ask(runId);
    }
  }

  #isNewest(runId: string, watch: Watch, attempt: symbol): boolean {
    return this.#watches.get(runId) === watch && watch.attempt === attempt;
  }
}

async function rest(watch: Watch): Promise<void> {
  const ms = pauseMs(watch.refusals);
  watch.refusals += 1;
  await new Promise((resolve) => setTimeout(resolve, ms));
}
