import type { Notice, StreamEvent } from '@corral/app/contracts/api/streams';
import type { RunEvent } from '@corral/app/contracts/runs';
import { createParser } from 'eventsource-parser';
import { createStore } from '../state/store.ts';
import { ApiError, request, send, signInNeeded } from './request.ts';

/** The server sends a sign of life every 15 s; three missed ones mean that the line is dead. */
const silenceMs = 45_000;
/** After sleep or a change of network the line is doubted sooner. */
const doubtMs = 35_000;
/** Who is not answered in this time asked through a line that died in the browser's stock; the next try takes another. */
const answerMs = 10_000;
/** As many lines as browsers keep to one origin. */
const mostDeadLines = 6;
const retryDelaysMs = [250, 500, 1_000, 2_000, 4_000, 8_000];
/** A tab that stays hidden this long gives its connection back; browsers allow six to one origin. */
const hiddenMs = 5 * 60_000;

/** Where a watcher is: asked each time, because text came in since. */
export interface Watcher {
  position: () => { from: number; epoch: number };
  event: (event: RunEvent) => void;
  /** The server does not know this run any more: the message is to be loaded instead. */
  lost: () => void;
}

export type Connection = 'connecting' | 'open' | 'lost';

/** One server-sent stream for the whole tab; runs are watched and left on it. */
export class StreamClient {
  readonly connection = createStore<Connection>('connecting');
  readonly #watchers = new Map<string, Watcher>();
  readonly #noticeListeners = new Set<(notice: Notice) => void>();
  #streamId: string | null = null;
  #abort: AbortController | null = null;
  #lastHeardAt = 0;
  /** How long the line may say nothing: less until it has answered at all. */
  #patienceMs = answerMs;
  #failures = 0;
  #isStarted = false;
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;

  onNotice(listener: (notice: Notice) => void): () => void {
    this.#noticeListeners.add(listener);
    return () => this.#noticeListeners.delete(listener);
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    void this.#loop();
    setInterval(() => this.#doubt(this.#patienceMs), 5_000);
    addEventListener('online', () => this.#doubt(0));
    addEventListener('pagehide', () => this.#release());
    document.addEventListener('visibilitychange', () => this.#visibility());
    signInNeeded.subscribe(() => {
      if (!signInNeeded.get()) this.#doubt(0);
    });
  }

  watch(runId: string, watcher: Watcher): void {
    this.#watchers.set(runId, watcher);
    void this.#subscribe(runId, watcher);
  }

  unwatch(runId: string): void {
    if (!this.#watchers.delete(runId) || !this.#streamId) return;
    request<void>('DELETE', `/api/streams/${this.#streamId}/runs/${runId}`).catch(() => {
      // The stream ended meanwhile, and its watches with it.
    });
  }

  #visibility(): void {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => this.#release(), hiddenMs);
      return;
    }
    if (!this.#abort) void this.#loop();
    else this.#doubt(doubtMs);
  }

  /** Gives the line back; the loop begins again when the tab is looked at. */
  #release(): void {
    const abort = this.#abort;
    this.#abort = null;
    abort?.abort();
  }

  #doubt(ms: number): void {
    if (this.#abort && Date.now() - this.#lastHeardAt > ms) this.#abort.abort('silence');
  }

  async #loop(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    while (this.#abort) {
      const turn = new AbortController();
      this.#abort = turn;
      try {
        await this.#read(turn.signal);
      } catch {
        // Every failure of a read is a failure of the line: wait, then begin again.
      }
      if (this.#abort !== turn) return;
      if (this.#failures > 0) this.connection.set('lost');
      const delay = retryDelaysMs[Math.min(this.#failures, retryDelaysMs.length - 1)] ?? 8_000;
      this.#failures += 1;
      await new Promise((resolve) => setTimeout(resolve, delay * (0.75 + Math.random() / 2)));
    }
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
    if ('epoch' in event) this.#watchers.get(event.runId)?.event(event);
    else this.#notice(event);
  }

  /** The line is up: everything watched is asked for again from where its text ends. */
  #hello(): void {
    this.#failures = 0;
    this.connection.set('open');
    for (const [runId, watcher] of this.#watchers) void this.#subscribe(runId, watcher);
  }

  #notice(notice: Notice): void {
    if (notice.type === 'unwatched') {
      this.#watchers.get(notice.runId)?.lost();
      this.#watchers.delete(notice.runId);
    }
    for (const listener of this.#noticeListeners) listener(notice);
  }

  async #subscribe(runId: string, watcher: Watcher): Promise<void> {
    for (let attempt = 0; attempt < mostDeadLines; attempt += 1) {
      if (!this.#streamId || this.connection.get() !== 'open') return;
      if (this.#watchers.get(runId) !== watcher) return;
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), answerMs);
      try {
        await request<void>('PUT', `/api/streams/${this.#streamId}/runs/${runId}`, {
          query: watcher.position(),
          signal: abort.signal,
        });
        return;
      } catch (error) {
        if (abort.signal.aborted) continue;
        this.#refused(runId, error);
        return;
      } finally {
        clearTimeout(timer);
      }
    }
  }

  #refused(runId: string, error: unknown): void {
    if (!(error instanceof ApiError) || error.status !== 404) return;
    const watcher = this.#watchers.get(runId);
    this.#watchers.delete(runId);
    watcher?.lost();
  }
}

export const streamClient = new StreamClient();
