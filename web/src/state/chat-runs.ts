import type { ContextPlan, Run, RunEvent } from '@corral/app/contracts/runs';
import { runsApi } from '../api/chats.ts';
import { streamClient } from '../api/stream-client.ts';
import { flushScheduler } from './flush-scheduler.ts';
import { LiveRun, type LiveView } from './live-run.ts';

export interface ChatRunsOptions {
  /** There is more of a message, or something else to say of it. */
  onChanged: (messageId: string) => void;
  onPlan: (messageId: string, plan: ContextPlan) => void;
  onEnded: (messageId: string, view: LiveView) => void;
  /** Something was missed that only the chat itself tells. */
  lookAgain: () => void;
}

/** The answers of one chat that are being written, and what is known of those that ended while the page was open. */
export class ChatRuns {
  readonly #options: ChatRunsOptions;
  readonly #active = new Map<string, LiveRun>();
  /** For their figures. */
  readonly #ended = new Map<string, LiveView>();
  readonly #publishers = new WeakMap<LiveRun, () => void>();

  constructor(options: ChatRunsOptions) {
    this.#options = options;
  }

  /** Of those that are being written. */
  ids(): string[] {
    return [...this.#active.keys()];
  }

  viewOf(runId: string): LiveView | null {
    return this.#active.get(runId)?.view() ?? this.#ended.get(runId) ?? null;
  }

  /** What is here of each message that is being written. */
  texts(): Map<string, string> {
    return new Map([...this.#active.values()].map((run) => [run.messageId, run.view().text]));
  }

  /** What the model sees for an answer being written: the server tells it of the last answer that is complete. */
  planOf(messageId: string | undefined): ContextPlan | null {
    return [...this.#active.values()].findLast((run) => run.messageId === messageId)?.plan ?? null;
  }

  /** Listens to a run, of whose message this is here. */
  follow(run: Run, text: string): void {
    if (this.#active.has(run.id)) return;
    const live = new LiveRun(run, text, performance.now());
    this.#active.set(run.id, live);
    this.#watch(live);
    this.#options.onChanged(run.messageId);
  }

  #watch(live: LiveRun): void {
    streamClient.watch(live.runId, {
      position: () => live.position,
      event: (event) => this.#event(live, event),
      lost: () => this.#options.lookAgain(),
    });
  }

  #event(live: LiveRun, event: RunEvent): void {
    const effect = live.apply(event, performance.now());
    if (effect === 'none') return;
    if (effect === 'gap') {
      // Something is missing between what is here and what came: ask again from where the text ends.
      this.#watch(live);
      return;
    }
    if (event.type === 'plan') this.#options.onPlan(live.messageId, event.plan);
    if (effect === 'end') this.#finish(live);
    else flushScheduler.request(this.#publisherOf(live));
  }

  #publisherOf(live: LiveRun): () => void {
    const known = this.#publishers.get(live);
    if (known) return known;
    const publish = (): void => this.#options.onChanged(live.messageId);
    this.#publishers.set(live, publish);
    return publish;
  }

  #finish(live: LiveRun): void {
    const view = live.view();
    this.#active.delete(live.runId);
    this.#ended.set(live.runId, view);
    streamClient.unwatch(live.runId);
    this.#options.onEnded(live.messageId, view);
    flushScheduler.flushNow();
    // Who came late, on a slow line, has heard the end and not what the model saw.
    if (!live.plan) this.#options.lookAgain();
  }

  /** Forgets those that ended while the line was away: their messages came complete with the chat. */
  drop(hasEnded: (run: LiveRun) => boolean): void {
    for (const run of [...this.#active.values()].filter(hasEnded)) {
      this.#active.delete(run.runId);
      streamClient.unwatch(run.runId);
      this.#options.onChanged(run.messageId);
    }
  }

  async stop(runId: string): Promise<void> {
    const run = this.#active.get(runId);
    if (run) {
      run.markStopping();
      this.#options.onChanged(run.messageId);
    }
    await runsApi.stop(runId);
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.ids().map((runId) => this.stop(runId)));
  }

  /** Stops listening; the runs go on at the server. */
  close(): void {
    for (const runId of this.#active.keys()) streamClient.unwatch(runId);
    this.#active.clear();
  }
}
