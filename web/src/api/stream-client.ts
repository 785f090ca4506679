import type { Notice, StreamEvent } from '@corral/app/contracts/api/streams';
import { createParser } from 'eventsource-parser';
import { createStore } from '../state/store.ts';
import { answerMs, pauseMs } from './patience.ts';
import { ApiError, request, send, signInNeeded } from './request.ts';
import { RunWatches, type Watcher } from './run-watches.ts';
import { SharedLines } from './shared-lines.ts';

/** The server sends a sign of life every 15 s; three missed ones mean that the line is dead. */
const silenceMs = 45_000;
/** After sleep or a change of network the line is doubted sooner. */
const doubtMs = 35_000;
/** A tab that is hidden this long and listens to no answer gives its line back: browsers have few of them. */
const hiddenMs = 10_000;
/** Where more tabs than may have a line want one, each is without for this long in turn. */
const asideMs = 5_000;

export type Connection = 'connecting' | 'open' | 'lost';

/** One server-sent stream for the whole tab; runs are watched and left on it. */
export class StreamClient {
  readonly connection = createStore<Connection>('connecting');
  readonly #watches = new RunWatches({
    streamId: () => (this.connection.get() === 'open' ? this.#streamId : null),
    onStreamGone: (streamId) => this.#forget(streamId),
  });
  readonly #lines = new SharedLines(() => this.#stepAside());
  readonly #noticeListeners = new Set<(notice: Notice) => void>();
  #streamId: string | null = null;
  /** The newest turn of the loop; null where the line was given back. */
  #turn: AbortController | null = null;
  /** Ends the pause before the next turn. */
  #wake: () => void = () => undefined;
  #lastHeardAt = 0;
  /** How long the line may say nothing: less until it has answered at all. */
  #patienceMs = answerMs;
  #failures = 0;
  /** The line is another tab's for now. */
  #isAside = false;
  #isStarted = false;
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;

  onNotice(listener: (notice: Notice) => void): () => void {
    this.#noticeListeners.add(listener);
    return () => this.#noticeListeners.delete(listener);
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    if (!document.hidden || !this.#watches.isEmpty) this.#takeLine();
    setInterval(() => this.#doubt(this.#patienceMs), 5_000);
    addEventListener('online', () => this.#beginAgain());
    addEventListener('pagehide', () => this.#release());
    document.addEventListener('visibilitychange', () => this.#visibility());
    signInNeeded.subscribe(() => {
      if (!signInNeeded.get()) this.#beginAgain();
    });
  }

  watch(runId: string, watcher: Watcher): void {
    this.#watches.add(runId, watcher);
    // It began in a hidden tab, with a message that had waited.
    if (this.#isStarted && !this.#turn) this.#takeLine();
    if (this.#isAside) this.#wake();
  }

  unwatch(runId: string): void {
    this.#watches.remove(runId);
  }

  #visibility(): void {
    if (document.hidden) {
      this.#releaseLater();
      return;
    }
    clearTimeout(this.#hiddenTimer);
    if (!this.#turn) {
      this.#takeLine();
      return;
    }
    this.#doubt(doubtMs);
    this.#wake();
  }

  #takeLine(): void {
    void this.#loop();
    if (document.hidden) this.#releaseLater();
  }

  /** What is being written is waited for: its end is told by the tab's name, and messages may wait for it here. */
  #releaseLater(): void {
    clearTimeout(this.#hiddenTimer);
    this.#hiddenTimer = setTimeout(() => {
      if (this.#watches.isEmpty) this.#release();
      else this.#releaseLater();
    }, hiddenMs);
  }

  /** Gives the line back; the loop begins again when the tab is looked at, or has an answer to listen to. */
  #release(): void {
    const turn = this.#turn;
    this.#turn = null;
    turn?.abort();
    this.#lines.giveBack();
    this.#wake();
  }

  #stepAside(): void {
    if (document.hidden && this.#watches.isEmpty) {
      this.#release();
      return;
    }
    this.#isAside = true;
    this.#turn?.abort();
  }

  #doubt(ms: number): void {
    if (Date.now() - this.#lastHeardAt > ms) this.#turn?.abort('silence');
  }

  /** What was tried before tells nothing of now. */
  #beginAgain(): void {
    this.#failures = 0;
    this.#turn?.abort();
    this.#wake();
  }

  #forget(streamId: string): void {
    if (this.#streamId !== streamId) return;
    this.#streamId = null;
    this.#beginAgain();
  }

  async #loop(): Promise<void> {
    for (;;) {
      const turn = new AbortController();
      this.#turn = turn;
      this.#isAside = false;
      this.#lines.take();
      try {
        await this.#read(turn.signal);
      } catch {
        // Every failure of a read is a failure of the line: wait, then begin again.
      }
      if (this.#turn !== turn) return;
      this.#lines.giveBack();
      await this.#pause();
      if (this.#turn !== turn) return;
    }
  }

  async #pause(): Promise<void> {
    const delay = this.#isAside ? asideMs : this.#pauseAfterFailure();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay * (0.75 + Math.random() / 2));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #pauseAfterFailure(): number {
    // A server that wants its key first does answer.
    if (this.#failures > 0) this.connection.set(signInNeeded.get() ? 'connecting' : 'lost');
    const delay = pauseMs(this.#failures);
    this.#failures += 1;
    return delay;
  }

  async #read(signal: AbortSignal): Promise<void> {
    this.#lastHeardAt = Date.now();
    this.#patienceMs = answerMs;
    const streamId = await this.#streamFor(signal);
    const response = await send('GET', `/api/streams/${streamId}`, {
      headers: { accept: 'text/event-stream' },
      signal,
    }).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) this.#streamId = null;
      throw error;
    });
    const reader = response.body?.getReader();
    if (!reader) throw new Error('no body');
    const decoder = new TextDecoder();
    const parser = createParser({ onEvent: (event) => this.#event(event.data) });
    this.#lastHeardAt = Date.now();
    this.#patienceMs = silenceMs;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#lastHeardAt = Date.now();
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  /** A stream keeps its watches for a while without reader; a new one is made where it is gone. */
  async #streamFor(signal: AbortSignal): Promise<string> {
    if (this.#streamId) return this.#streamId;
    const made = await request<{ streamId: string }>('POST', '/api/streams', { signal });
    this.#streamId = made.streamId;
    return made.streamId;
  }

  #event(data: string): void {
    let event: StreamEvent;
    try {
      event = JSON.parse(data) as StreamEvent;
    } catch {
      return;
    }
    if (event.type === 'hello') this.#hello();
    if ('epoch' in event) this.#watches.event(event);
    else this.#notice(event);
  }

  #hello(): void {
    this.#failures = 0;
    this.connection.set('open');
    this.#watches.askAll();
  }

  #notice(notice: Notice): void {
    if (notice.type === 'unwatched') void this.#watches.letGo(notice.runId);
    for (const listener of this.#noticeListeners) listener(notice);
  }
}

export const streamClient = new StreamClient();
