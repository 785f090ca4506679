import type { MessagePort } from 'node:worker_threads';
import { toAppError } from '../../contracts/app-error.ts';
import { settleMemory } from '../../lib/settle-memory.ts';
import { fromSqliteError } from './sqlite-errors.ts';
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

/** Whatever it could not deal with itself ends these calls, not the thread: the next ones may work. */
async function answerAll(side: WorkerSide, requests: WorkerRequest[]): Promise<WorkerReply[]> {
  try {
    return await side.answer(requests);
  } catch (error) {
    const failure = fromSqliteError(error).toJSON();
    return requests.map(({ id }) => ({ id, error: failure }));
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
      const calls = batch.filter((request) => request.name !== '$close');
      port.postMessage(await answerAll(side, calls));
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
