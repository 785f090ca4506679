import type { MessagePort } from 'node:worker_threads';
import { toAppError } from '../../contracts/app-error.ts';
import { settleMemory } from '../../lib/settle-memory.ts';
import type { WorkerReady, WorkerReply, WorkerRequest } from './worker-messages.ts';

/** What a worker does with requests: as many as are waiting, in order. */
export interface WorkerSide {
  ready: WorkerReady;
  answer(requests: WorkerRequest[]): Promise<WorkerReply[]>;
  close(): void;
}

/** The start's first requests are over by then. */
const settleAfterMs = 3000;

/** What could not be folded in (the disk is full) stays in the log, and the next start takes it from there. */
function closeQuietly(side: WorkerSide): void {
  try {
    side.close();
  } catch {
    // Everything acknowledged is on disk already.
  }
}

/** Greets, then answers in batches: whatever arrived while one batch was worked at makes up the next one. */
export async function runWorkerLoop(port: MessagePort, open: () => Promise<WorkerSide>): Promise<void> {
  let side: WorkerSide;
  try {
    side = await open();
  } catch (error) {
    port.postMessage({ failed: toAppError(error).toJSON() });
    port.close();
    return;
  }
  let waiting: WorkerRequest[] = [];
  let working = false;
  const drain = async (): Promise<void> => {
    working = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      port.postMessage(await side.answer(batch.filter((request) => request.name !== '$close')));
      const closing = batch.find((request) => request.name === '$close');
      if (closing) {
        closeQuietly(side);
        port.postMessage([{ id: closing.id }]);
        port.close();
        return;
      }
      // Lets messages in that came meanwhile.
      await new Promise((resolve) => setImmediate(resolve));
    }
    working = false;
  };
  port.on('message', (requests: WorkerRequest[]) => {
    waiting.push(...requests);
    if (!working) void drain();
  });
  port.postMessage({ ready: side.ready });
  setTimeout(settleMemory, settleAfterMs).unref();
}
