import type { Log } from '../../lib/log.ts';
import type { RunStore } from '../../store/run-store.ts';
import { joinStored } from './join-stored.ts';
import type { LiveRun } from './live-run.ts';

/** Parts go to watchers this often; a person reads it as a flow, and the page is not flooded. */
const showIntervalMs = 40;
/** One commit for all streams this often: 250 ms is the promise, the rest is for the commit itself. */
const commitIntervalMs = 150;
/** After a commit that failed (full disk), so as not to hammer it. */
const retryIntervalMs = 1000;

/** Makes the text of all running answers durable with one commit each time, and shows it to watchers. */
export class JournalWriter {
  readonly #store: Pick<RunStore, 'appendJournal' | 'getRun'>;
  readonly #log: Log;
  readonly #runs = new Set<LiveRun>();
  /** Their last text is written with their end. */
  readonly #ending = new Set<LiveRun>();
  #showTimer: NodeJS.Timeout | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #committing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: Pick<RunStore, 'appendJournal' | 'getRun'>, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  add(run: LiveRun): void {
    this.#runs.add(run);
    this.#showTimer ??= setInterval(() => this.#show(), showIntervalMs);
    this.#schedule(commitIntervalMs);
  }

  remove(run: LiveRun): void {
    this.#runs.delete(run);
    this.#ending.delete(run);
    if (this.#runs.size > 0) return;
    clearInterval(this.#showTimer);
    this.#showTimer = undefined;
  }

  /**
   * Its end holds the rest of its text and begins where the journal does, so the journal stands still: resolves when no
   * commit is under way, and none takes this run along.
   */
  async leaveToEnd(run: LiveRun): Promise<void> {
    this.#ending.add(run);
    await this.#committing.catch(() => undefined);
  }

  /** Resolves when everything the run wrote so far is durable; rejects when it cannot be. */
  async flush(run: LiveRun): Promise<void> {
    run.show();
    await this.#writeAll(run);
  }

  /**
   * For a run that the next start goes on with, before its watchers leave: what they saw of it is durable then, as far
   * as the disk takes it. Its end is not written any more, so the journal has its text again.
   */
  async leaveToNextStart(run: LiveRun): Promise<void> {
    this.#ending.delete(run);
    if (!this.#runs.has(run)) return;
    await this.#writeAll(run).catch((error: unknown) => {
      this.#log.error({ error: String(error) }, 'the last text of a running answer could not be written');
    });
  }

  /** When all runs have left it. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#commitTimer);
    clearInterval(this.#showTimer);
    await this.#committing.catch(() => undefined);
  }

  async #writeAll(run: LiveRun): Promise<void> {
    while (run.isOurs && run.durableOffset < run.text.length) await this.#commitInTurn();
  }

  #show(): void {
    for (const run of this.#runs) run.show();
  }

  #schedule(delayMs: number): void {
    if (this.#closed || this.#commitTimer || this.#runs.size === 0) return;
    this.#commitTimer = setTimeout(() => {
      this.#commitTimer = undefined;
      this.#commitInTurn().then(
        () => this.#schedule(commitIntervalMs),
        (error: unknown) => {
          this.#log.error({ error: String(error) }, 'the journal cannot be written; answers go on in memory');
          this.#schedule(retryIntervalMs);
        },
      );
    }, delayMs);
  }

  /** Never two commits at once: the offsets of the second depend on the first. */
  #commitInTurn(): Promise<void> {
    const turn = this.#committing.catch(() => undefined).then(() => this.#commit());
    this.#committing = turn;
    return turn;
  }

  async #commit(): Promise<void> {
    const late = [...this.#runs].filter(
      (run) => run.isOurs && run.durableOffset < run.text.length && !this.#ending.has(run),
    );
    if (late.length === 0) return;
    const targets = late.map((run) => ({ run, end: run.text.length }));
    const { refusedRunIds } = await this.#store.appendJournal(
      targets.map(({ run, end }) => ({
        owner: run.owner,
        runId: run.id,
        epoch: run.epoch,
        offset: run.durableOffset,
        text: run.text.slice(run.durableOffset, end),
      })),
    );
    const refused = new Set(refusedRunIds);
    for (const { run, end } of targets) if (!refused.has(run.id)) run.setDurable(end);
    for (const { run } of targets)
      if (refused.has(run.id) && !(await joinStored(this.#store, run))) run.lose();
  }
}
