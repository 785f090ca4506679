import { uuidv7 } from 'uuidv7';
import { AppError } from '../contracts/app-error.ts';
import type { Notice } from '../contracts/api/streams.ts';
import type { ChatNotice, RunCalls } from '../chat/chats.ts';
import { faultOf } from './request-fault.ts';
import { maxStreamsPerOwner, maxWatchesPerStream, streamIdleMs } from './limits.ts';
import { piecesOf } from './run-blocks.ts';
import { dataBlock, type SseWriter } from './sse-writer.ts';

export interface TabStreamsOptions {
  watch: RunCalls['watch'];
  onChange: (listener: (notice: ChatNotice) => void) => () => void;
  bootId: string;
  pageVersion: () => string;
}

interface Watch {
  from: number;
  epoch: number | undefined;
  stop: AbortController;
  /** Whether a reader of the stream was sent anything of it. */
  isRead: boolean;
}

interface TabStream {
  id: string;
  owner: string;
  watches: Map<string, Watch>;
  writer: SseWriter | null;
  idle: NodeJS.Timeout | undefined;
}

/** One stream of events for each tab, over which it watches as many runs as it likes. */
export interface TabStreams {
  open(owner: string): string;
  /** Throws `not-found` for a stream that is not there, or not this person's. */
  check(owner: string, streamId: string): void;
  /** Resolves when the reader is gone. */
  attach(owner: string, streamId: string, writer: SseWriter): Promise<void>;
  watch(owner: string, streamId: string, watch: { runId: string; from: number; epoch?: number }): void;
  unwatch(owner: string, streamId: string, runId: string): void;
  close(owner: string, streamId: string): void;
  /** To every tab of a person. */
  notify(owner: string, notice: Notice): void;
  /** For what concerns everybody, such as which models are in memory. */
  notifyAll(notice: Notice): void;
  closeAll(): void;
  readonly size: number;
}

export function createTabStreams(options: TabStreamsOptions): TabStreams {
  return new Streams(options);
}

class Streams implements TabStreams {
  readonly #options: TabStreamsOptions;
  readonly #streams = new Map<string, TabStream>();
  readonly #unsubscribe: () => void;

  constructor(options: TabStreamsOptions) {
    this.#options = options;
    this.#unsubscribe = options.onChange(({ owner, ...notice }) => this.notify(owner, notice));
  }

  get size(): number {
    return this.#streams.size;
  }

  open(owner: string): string {
    const own = [...this.#streams.values()].filter((stream) => stream.owner === owner);
    if (own.length >= maxStreamsPerOwner) {
      const unread = own.find((stream) => stream.writer === null);
      if (unread === undefined) throw new AppError('rate-limited', `${own.length} streams are open already`);
      this.#remove(unread);
    }
    const stream: TabStream = { id: uuidv7(), owner, watches: new Map(), writer: null, idle: undefined };
    this.#streams.set(stream.id, stream);
    this.#expireLater(stream);
    return stream.id;
  }

  check(owner: string, streamId: string): void {
    this.#find(owner, streamId);
  }

  async attach(owner: string, streamId: string, writer: SseWriter): Promise<void> {
    const stream = this.#find(owner, streamId);
    clearTimeout(stream.idle);
    stream.writer?.end();
    stream.writer = writer;
    const { bootId, pageVersion } = this.#options;
    // How much of a text arrived only its reader knows, who says so for each run anew.
    for (const [runId, { isRead }] of stream.watches) if (isRead) this.unwatch(owner, streamId, runId);
    await writer.write(dataBlock({ type: 'hello', streamId, bootId, pageVersion: pageVersion() }));
    for (const [runId, watch] of stream.watches) void this.#pump(stream, runId, watch);
    await aborted(writer.gone);
    if (stream.writer !== writer) return;
    stream.writer = null;
    if (this.#streams.has(streamId)) this.#expireLater(stream);
  }

  watch(
    owner: string,
    streamId: string,
    { runId, from, epoch }: { runId: string; from: number; epoch?: number },
  ): void {
    const stream = this.#find(owner, streamId);
    this.unwatch(owner, streamId, runId);
    if (stream.watches.size >= maxWatchesPerStream) {
      throw new AppError('rate-limited', `one stream watches at most ${maxWatchesPerStream} runs`);
    }
    const watch: Watch = { from, epoch, stop: new AbortController(), isRead: false };
    stream.watches.set(runId, watch);
    void this.#pump(stream, runId, watch);
  }

  unwatch(owner: string, streamId: string, runId: string): void {
    const stream = this.#find(owner, streamId);
    stream.watches.get(runId)?.stop.abort();
    stream.watches.delete(runId);
  }

  close(owner: string, streamId: string): void {
    this.#remove(this.#find(owner, streamId));
  }

  notify(owner: string, notice: Notice): void {
    const block = dataBlock(notice);
    for (const stream of this.#streams.values()) {
      if (stream.owner === owner) void stream.writer?.write(block);
    }
  }

  notifyAll(notice: Notice): void {
    const block = dataBlock(notice);
    for (const stream of this.#streams.values()) void stream.writer?.write(block);
  }

  closeAll(): void {
    this.#unsubscribe();
    const closing = dataBlock({ type: 'closing' });
    for (const stream of this.#streams.values()) {
      void stream.writer?.write(closing);
      this.#remove(stream);
    }
  }

  #find(owner: string, streamId: string): TabStream {
    const stream = this.#streams.get(streamId);
    if (stream?.owner === owner) return stream;
    throw new AppError('not-found', 'there is no such stream; it may have ended while nobody read it', {
      hint: 'Make a new one with POST /api/streams and watch the runs again.',
    });
  }

  #expireLater(stream: TabStream): void {
    clearTimeout(stream.idle);
    stream.idle = setTimeout(() => this.#remove(stream), streamIdleMs);
    stream.idle.unref();
  }

  #remove(stream: TabStream): void {
    clearTimeout(stream.idle);
    this.#streams.delete(stream.id);
    for (const watch of stream.watches.values()) watch.stop.abort();
    stream.writer?.end();
  }

  /** Sends a run's events; the next is fetched when this one has room, so a slow tab gets larger parts. */
  async #pump(stream: TabStream, runId: string, watch: Watch): Promise<void> {
    const { writer } = stream;
    if (writer === null) return;
    watch.isRead = true;
    const signal = AbortSignal.any([watch.stop.signal, writer.gone]);
    const start = { from: watch.from, ...(watch.epoch === undefined ? {} : { epoch: watch.epoch }) };
    try {
      for await (const event of this.#options.watch(stream.owner, runId, { ...start, signal })) {
        for (const piece of piecesOf(event)) {
          if (signal.aborted) return;
          if (!(await writer.write(dataBlock(piece)))) return;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      await writer.write(dataBlock({ type: 'unwatched', runId, error: faultOf(error).toJSON() }));
    }
    if (stream.watches.get(runId) === watch && !signal.aborted) stream.watches.delete(runId);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
