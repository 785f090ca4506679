import { address } from 'koffi';
import { MessageChannel, receiveMessageOnPort, type MessagePort, type Worker } from 'node:worker_threads';
import { startWorker } from '../../../lib/start-worker.ts';
import { phases, type Phase } from '../signals.ts';
import {
  abortWord,
  batchLengthWord,
  batchTicketsWord,
  cancelCountWord,
  maxBatchTickets,
  nowMs,
  phaseWord,
  sharedWords,
  sinceWord,
  stepsWord,
  type CancelWorkerData,
} from './cancel-words.ts';
import { libcAddress } from './libc.ts';
import type { Pointer } from './structs.ts';

const none: readonly number[] = [];

/** The line on which a cancellation arrives while this thread is inside a decode. */
export class CancelLine {
  readonly #shared = new Int32Array(new SharedArrayBuffer(Math.max(128, sharedWords * 4)));
  readonly #port: MessagePort;
  readonly #worker: Worker;
  #seen = 0;

  constructor(descriptor: number, onCancel: (ticket: number) => void) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on('message', (ticket: number) => onCancel(ticket));
    this.#worker = startWorker(new URL('./cancel.worker.ts', import.meta.url), {
      workerData: { shared: this.#shared, descriptor, port: port2 } satisfies CancelWorkerData,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('error', () => process.exit(1));
    this.enter('starting');
  }

  /** What the native context takes as its abort callback, and the data for it. */
  get abort(): { callback: Pointer; data: Pointer } {
    return { callback: libcAddress('strlen'), data: address(this.#shared) };
  }

  /** Says what this thread does, for the heartbeat. */
  enter(phase: Phase): void {
    const word = phases.indexOf(phase);
    if (Atomics.exchange(this.#shared, phaseWord, word) !== word) this.#markTime();
  }

  stepped(): void {
    Atomics.add(this.#shared, stepsWord, 1);
    this.#markTime();
  }

  /**
   * From now until `disarm` a cancellation of one of these tickets stops the decode.
   * False when one arrived meanwhile: take it up first.
   */
  arm(tickets: readonly number[]): boolean {
    const count = Math.min(tickets.length, maxBatchTickets);
    for (let index = 0; index < count; index++) {
      Atomics.store(this.#shared, batchTicketsWord + index, tickets[index]! | 0);
    }
    Atomics.store(this.#shared, batchLengthWord, count);
    Atomics.store(this.#shared, abortWord, 0);
    return Atomics.load(this.#shared, cancelCountWord) === this.#seen;
  }

  disarm(): void {
    Atomics.store(this.#shared, batchLengthWord, 0);
    Atomics.store(this.#shared, abortWord, 0);
  }

  /** Cancellations that have arrived, without waiting for the event loop. */
  take(): readonly number[] {
    const count = Atomics.load(this.#shared, cancelCountWord);
    if (count === this.#seen) return none;
    this.#seen = count;
    const tickets: number[] = [];
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port)) {
      tickets.push(next.message as number);
    }
    return tickets;
  }

  #markTime(): void {
    Atomics.store(this.#shared, sinceWord, nowMs());
  }
}
