import { Socket } from 'node:net';
import type { ServerResponse } from 'node:http';
import { heartbeatMs, stalledWatcherMs, streamBufferBytes } from './limits.ts';

export interface SseOptions {
  /** What is sent while nothing happens; a comment line unless the protocol knows no comments. */
  heartbeat?: string;
  headers?: Record<string, string>;
}

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

export function openSse(response: ServerResponse, options: SseOptions = {}): SseWriter {
  const leave = new AbortController();
  const beat = options.heartbeat ?? ': hb\n\n';
  let stalled: NodeJS.Timeout | undefined;
  let lastWrite = performance.now();
  // Inside the process there is no socket of the network, and nothing to set.
  if (response.socket instanceof Socket) response.socket.setNoDelay(true);
  response.writeHead(200, { ...sseHeaders, ...options.headers });
  response.flushHeaders();

  const finish = (): void => {
    clearInterval(heart);
    clearTimeout(stalled);
    leave.abort();
  };
  response.once('close', finish);
  response.once('error', finish);

  const put = (block: string): boolean => {
    if (leave.signal.aborted || response.writableEnded) return false;
    lastWrite = performance.now();
    const flowing = response.write(block);
    // Bytes that the socket did not take yet: beyond the bound the reader is let go and resumes by its offset.
    if (response.writableLength > streamBufferBytes) response.destroy();
    else if (!flowing) stalled ??= setTimeout(() => response.destroy(), stalledWatcherMs);
    return flowing;
  };
  response.on('drain', () => {
    clearTimeout(stalled);
    stalled = undefined;
  });
  const heart = setInterval(() => {
    if (performance.now() - lastWrite >= heartbeatMs * 0.9) put(beat);
  }, heartbeatMs);
  heart.unref();

  return {
    gone: leave.signal,
    async write(block) {
      if (!put(block) && !leave.signal.aborted && response.writableNeedDrain) await drained(response);
      return !leave.signal.aborted;
    },
    end() {
      finish();
      response.end();
    },
  };
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
