import { parentPort, workerData } from 'node:worker_threads';
import { openReader } from './reader.ts';
import type { WorkerSetup } from './worker-messages.ts';
import { runWorkerLoop } from './worker-loop.ts';

if (parentPort) await runWorkerLoop(parentPort, () => openReader(workerData as WorkerSetup));
