import type { Worker } from 'node:worker_threads';
import { AppError, toAppError } from '../../contracts/app-error.ts';
import { startWorker } from '../../lib/start-worker.ts';
import type {
  WorkerGreeting,
  WorkerReady,
  WorkerReply,
  WorkerRequest,
  WorkerSetup,
} from './worker-messages.ts';

export interface WorkerClient {
  ready: WorkerReady;
  call(name: string, parameters: unknown[]): Promise<WorkerReply>;
  /** Lets what was called finish, then ends the thread. */
  close(): Promise<void>;
}

interface Pending {
  resolve(reply: WorkerReply): void;
  reject(error: AppError): void;
}

/** Rows pass through and are gone: a small nursery keeps a worker small, at no cost that could be measured. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

/** Starts a worker and waits until its database is open. */
export async function openWorker(entry: URL, setup: WorkerSetup): Promise<WorkerClient> {
  const worker = startWorker(entry, { workerData: setup, resourceLimits });
  const pending = new Map<number, Pending>();
  let outgoing: WorkerRequest[] = [];
  let nextId = 1;
  let down: AppError | undefined;

  const fail = (error: AppError): void => {
    down ??= error;
    for (const call of pending.values()) call.reject(error);
    pending.clear();
  };
  const flush = (): void => {
    worker.postMessage(outgoing);
    outgoing = [];
  };
  const ready = await greeting(worker).catch(async (error: unknown) => {
    await worker.terminate();
    throw error;
  });
  worker.on('message', (replies: WorkerReply[]) => {
    for (const reply of replies) settle(pending, reply);
  });
  worker.on('error', (error) => fail(stopped(error)));
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      fail(stopped());
      resolve();
    });
  });

  const call = (name: string, parameters: unknown[]): Promise<WorkerReply> => {
    if (down) return Promise.reject(down);
    return new Promise((resolve, reject) => {
      const id = nextId++;
      pending.set(id, { resolve, reject });
      // All calls of one tick travel together, so that they can share a commit.
      if (outgoing.length === 0) queueMicrotask(flush);
      outgoing.push({ id, name, parameters });
    });
  };
  return {
    ready,
    call,
    async close() {
      await call('$close', []).catch(() => undefined);
      await exited;
    },
  };
}

function settle(pending: Map<number, Pending>, reply: WorkerReply): void {
  const call = pending.get(reply.id);
  pending.delete(reply.id);
  if (reply.error) call?.reject(AppError.fromJSON(reply.error));
  else call?.resolve(reply);
}

function greeting(worker: Worker): Promise<WorkerReady> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(stopped());
    worker.once('error', (error) => reject(toAppError(error)));
    worker.once('exit', onExit);
    worker.once('message', (message: WorkerGreeting) => {
      worker.off('exit', onExit);
      if ('ready' in message) resolve(message.ready);
      else reject(AppError.fromJSON(message.failed));
    });
  });
}

function stopped(cause?: unknown): AppError {
  return new AppError('store-unavailable', 'The database worker has stopped.', {
    hint: 'Restart Corral; what was acknowledged is on disk.',
    ...(cause === undefined ? {} : { cause }),
  });
}
