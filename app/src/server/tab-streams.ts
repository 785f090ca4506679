import { uuidv7 } from 'uuidv7';
import { AppError } from '../contracts/app-error.ts';
import type { Notice } from '../contracts/api/streams.ts';
import type { RunEvent } from '../contracts/runs.ts';
import type { ChatNotice, RunCalls } from '../chat/chats.ts';
import { faultOf } from './request-fault.ts';
import { maxStreamsPerOwner, maxWatchesPerStream, streamIdleMs } from './limits.ts';
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
  closeAll(): void;
  readonly size: number;
}

export function createTabStreams(options: TabStreamsOptions): TabStreams {
  const streams = new Map<string, TabStream>();

  function find(owner: string, streamId: string): TabStream {
    const stream = streams.get(streamId);
    if (stream?.owner === owner) return stream;
    throw new AppError('not-found', 'there is no such stream; it may have ended while nobody read it', {
      hint: 'Make a new one with POST /api/streams and watch the runs again.',
    });
  }

  function expireLater(stream: TabStream): void {
    clearTimeout(stream.idle);
    stream.idle = setTimeout(() => remove(stream), streamIdleMs);
    stream.idle.unref();
  }

  function remove(stream: TabStream): void {
    clearTimeout(stream.idle);
    streams.delete(stream.id);
    for (const watch of stream.watches.values()) watch.stop.abort();
    stream.writer?.end();
  }

  /** Sends a run's events; the next is fetched when this one has room, so a slow tab gets larger parts. */
  async function pump(stream: TabStream, runId: string, watch: Watch): Promise<void> {
    const { writer } = stream;
    if (writer === null) return;
    const signal = AbortSignal.any([watch.stop.signal, writer.gone]);
    const epoch = watch.epoch === undefined ? {} : { epoch: watch.epoch };
    try {
      for await (const event of options.watch(stream.owner, runId, { from: watch.from, ...epoch, signal })) {
        if (signal.aborted) return;
        remember(watch, event);
        if (!(await writer.write(dataBlock(event)))) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      await writer.write(dataBlock({ type: 'unwatched', runId, error: faultOf(error).toJSON() }));
    }
    if (stream.watches.get(runId) === watch && !signal.aborted) stream.watches.delete(runId);
  }

  const unsubscribe = options.onChange(({ owner, ...notice }) => notify(owner, notice));
  function notify(owner: string, notice: Notice): void {
    const block = dataBlock(notice);
    for (const stream of streams.values()) {
      if (stream.owner === owner) void stream.writer?.write(block);
    }
  }

  return {
    open(owner) {
      const own = [...streams.values()].filter((stream) => stream.owner === owner);
      const unread = own.find((stream) => stream.writer === null);
      if (own.length >= maxStreamsPerOwner) {
        if (unread === undefined) throw new AppError('rate-limited', `${own.length} streams are open already`);
        remove(unread);
      }
      const stream: TabStream = { id: uuidv7(), owner, watches: new Map(), writer: null, idle: undefined };
      streams.set(stream.id, stream);
      expireLater(stream);
      return stream.id;
    },
    check(owner, streamId) {
      find(owner, streamId);
    },
    async attach(owner, streamId, writer) {
      const stream = find(owner, streamId);
      clearTimeout(stream.idle);
      stream.writer?.end();
      stream.writer = writer;
      const { bootId } = options;
      await writer.write(dataBlock({ type: 'hello', streamId, bootId, pageVersion: options.pageVersion() }));
      for (const [runId, watch] of stream.watches) void pump(stream, runId, watch);
      await aborted(writer.gone);
      if (stream.writer !== writer) return;
      stream.writer = null;
      if (streams.has(streamId)) expireLater(stream);
    },
    watch(owner, streamId, { runId, from, epoch }) {
      const stream = find(owner, streamId);
      stream.watches.get(runId)?.stop.abort();
      stream.watches.delete(runId);
      if (stream.watches.size >= maxWatchesPerStream) {
        throw new AppError('rate-limited', `one stream watches at most ${maxWatchesPerStream} runs`);
      }
      const watch: Watch = { from, epoch, stop: new AbortController() };
      stream.watches.set(runId, watch);
      void pump(stream, runId, watch);
    },
    unwatch(owner, streamId, runId) {
      const stream = find(owner, streamId);
      stream.watches.get(runId)?.stop.abort();
      stream.watches.delete(runId);
    },
    close: (owner, streamId) => remove(find(owner, streamId)),
    notify,
    closeAll() {
      unsubscribe();
      const closing = dataBlock({ type: 'closing' });
      for (const stream of streams.values()) {
        void stream.writer?.write(closing);
        remove(stream);
      }
    },
    get size() {
      return streams.size;
    },
  };
}

/** Where a watch goes on when its reader comes back without saying. */
function remember(watch: Watch, event: RunEvent): void {
  watch.epoch = event.epoch;
  if (event.type === 'text') watch.from = event.offset + event.text.length;
  if (event.type === 'start') watch.from = event.offset;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
