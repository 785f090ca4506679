import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import { createSignalReader, encodeHeartbeat, heartbeatIntervalMs, phases } from '../signals.ts';
import {
  abortWord,
  batchLengthWord,
  batchTicketsWord,
  cancelCountWord,
  nowMs,
  phaseWord,
  sinceWord,
  stepsWord,
  type CancelWorkerData,
} from './cancel-words.ts';

const { shared, descriptor, port } = workerData as CancelWorkerData;
const socket = new Socket({ fd: descriptor, readable: true, writable: true });
const reader = createSignalReader();

socket.on('data', (chunk: Buffer) => {
  for (const signal of reader.push(chunk)) {
    if (signal.kind === 'cancel') cancel(signal.ticket);
  }
});

// The parent is gone, and the main thread may be inside a decode: nobody needs this process any more.
const die = (): void => process.kill(process.pid, 'SIGKILL') as unknown as void;
socket.on('end', die);
socket.on('error', die);

function cancel(ticket: number): void {
  // In this order: whoever sees the count finds the message, and whoever is stopped finds the count.
  port.postMessage(ticket);
  Atomics.add(shared, cancelCountWord, 1);
  const length = Atomics.load(shared, batchLengthWord);
  for (let index = 0; index < length; index++) {
    if (Atomics.load(shared, batchTicketsWord + index) === (ticket | 0)) Atomics.store(shared, abortWord, 1);
  }
}

function beat(): void {
  socket.write(
    encodeHeartbeat({
      phase: phases[Atomics.load(shared, phaseWord)] ?? 'idle',
      steps: Atomics.load(shared, stepsWord),
      sinceStepMs: (nowMs() - Atomics.load(shared, sinceWord)) | 0,
    }),
  );
}

beat();
setInterval(beat, heartbeatIntervalMs);
