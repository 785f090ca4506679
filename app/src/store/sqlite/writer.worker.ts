import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerSetup } from './worker-messages.ts';
import { runWorkerLoop } from './worker-loop.ts';
import { openWriter } from './writer.ts';

if (parentPort) await runWorkerLoop(parentPort, () => openWriter(workerData as WorkerSetup));
