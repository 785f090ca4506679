import { parentPort, workerData } from 'node:worker_threads';
import { openBackupSide } from './backup-side.ts';
import type { WorkerSetup } from './worker-messages.ts';
import { runWorkerLoop } from './worker-loop.ts';

if (parentPort) await runWorkerLoop(parentPort, async () => openBackupSide(workerData as WorkerSetup));
