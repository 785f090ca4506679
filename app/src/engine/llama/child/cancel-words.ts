import { performance } from 'node:perf_hooks';
import type { MessagePort } from 'node:worker_threads';

/**
 * Words shared with the worker. Byte 0 of the first is what the abort callback looks at: the callback is libc's
 * `strlen`, which says 0 while that byte is 0 and 1 once it is set, and costs nothing between nodes of a graph.
 */
export const abortWord = 0;
export const phaseWord = 1;
export const stepsWord = 2;
export const sinceWord = 3;
export const cancelCountWord = 4;
export const batchLengthWord = 5;
export const batchTicketsWord = 6;
/** More requests than this are never in one batch. */
export const maxBatchTickets = 64;
export const sharedWords = batchTicketsWord + maxBatchTickets;

export interface CancelWorkerData {
  shared: Int32Array;
  descriptor: number;
  port: MessagePort;
}

export const nowMs = (): number => Math.trunc(performance.timeOrigin + performance.now()) | 0;
