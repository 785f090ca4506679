import { Socket } from 'node:net';
import type { ServerResponse } from 'node:http';
import { heartbeatMs, stalledWatcherMs, streamBufferBytes } from './limits.ts';

export interface SseOptions {
  /** What is sent while nothing happens; a comment line unless the protocol knows no comments. */
  heartbeat?: string;
  headers?: Record<string, string>;
  bounds?: SseBounds;
}

export interface SseBounds {
  /** Bytes that may wait for a reader; see limits.ts. */
  bufferBytes: number;
  stalledMs: number;
  heartbeatMs: number;
}

const ordinaryBounds: SseBounds = {
  bufferBytes: streamBufferBytes,
  stalledMs: stalledWatcherMs,
  heartbeatMs,
};

/** Our own server-sent events: nothing is lost, nothing piles up, and a reader that stopped reading is let go. */
export interface SseWriter {
  /**
   * Writes one block of lines. Resolves when there is room for the next: a slow reader slows its source down.
   * False: the reader is gone.
   */
  write(block: string): Promise<boolean>;
  end(): void;
  /** Aborted when the reader is gone or was let go. */
  readonly gone: AbortSignal;
}

export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** The same promises for every write that need not wait: a thousand streams write ten thousand times a second. */
const taken = Promise.resolve(true);
const nobodyThere = Promise.resolve(false);

export function openSse(response: ServerResponse, options: SseOptions = {}): SseWriter {
  const bounds = options.bounds ?? ordinaryBounds;
  const leave = new AbortController();
  const beat = options.heartbeat ?? ': hb\n\n';
  let stalled: NodeJS.Timeout | undefined;
  let lastWrite = performance.now();
  // Inside the process there is no socket of the network, and nothing to set.
  if (response.socket instanceof Socket) response.socket.setNoDelay(true);
  response.writeHead(200, { ...sseHeaders, ...options.headers });
  response.flushHeaders();

  let draining: Promise<void> | null = null;
  const room = (): Promise<void> => (draining ??= drained(response).finally(() => (draining = null)));

  /** A reader that took anything since the last look is slow, not stalled. */
  const watchStall = (before: number): void => {
    stalled = setTimeout(() => {
      const now = takenBytes(response);
      if (now > before) watchStall(now);
      else response.destroy();
    }, bounds.stalledMs).unref();
  };

  const finish = (): void => {
    clearInterval(heart);
    clearTimeout(stalled);
    leave.abort();
  };
  response.once('close', finish);
  response.once('error', finish);

  const put = (block: string): boolean => {
    if (leave.signal.aborted || response.writableEnded) return false;
    // Bytes that the socket did not take yet: beyond the bound the reader is let go and resumes by its offset. They are
    // looked at before the next block comes, since one alone may be larger.
    if (response.writableLength > bounds.bufferBytes) response.destroy();
    if (response.destroyed) return false;
    lastWrite = performance.now();
    const flowing = response.write(block);
    if (!flowing && stalled === undefined) watchStall(takenBytes(response));
    return flowing;
  };
  response.on('drain', () => {
    clearTimeout(stalled);
    stalled = undefined;
  });
  const heart = setInterval(() => {
    // What waits for the reader is a sign of life already.
    if (!response.writableNeedDrain && performance.now() - lastWrite >= bounds.heartbeatMs * 0.9) put(beat);
  }, bounds.heartbeatMs);
  heart.unref();
  // Who left while something was looked up has been told as gone already, and would never be again.
  if (response.destroyed) finish();

  return {
    gone: leave.signal,
    write(block) {
      const flowing = put(block);
      if (leave.signal.aborted) return nobodyThere;
      if (flowing || !response.writableNeedDrain) return taken;
      return room().then(() => !leave.signal.aborted);
    },
    end() {
      clearInterval(heart);
      leave.abort();
      response.end();
      // The last words have to be taken as well; 'close' ends this watch.
      if (stalled === undefined) watchStall(takenBytes(response));
    },
  };
}

/** Bytes that have left for the network so far. */
function takenBytes({ socket }: ServerResponse): number {
  return socket instanceof Socket ? socket.bytesWritten - socket.writableLength : 0;
}

/** Until there is room or nobody is there any more; one of the two always comes. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
    if (response.destroyed) done();
  });
}

/** One event with a JSON payload; JSON never holds a raw line break. */
export function dataBlock(payload: unknown): string {
  return `data: ${JSON.stringify(payload)}\n\n`;
}
