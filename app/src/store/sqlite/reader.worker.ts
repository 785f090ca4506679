import { parentPort, workerData } from 'node:worker_threads';
import { passGate } from './gate.ts';
import { openReader } from './reader.ts';
import type { WorkerSetup } from './worker-messages.ts';
import { runWorkerLoop } from './worker-loop.ts';

const setup = workerData as WorkerSetup;
if (setup.gate) passGate(setup.gate);
if (parentPort) await runWorkerLoop(parentPort, () => openReader(setup));
