import { parentPort, workerData } from 'node:worker_threads';
import { fileError } from './file-errors.ts';
import { loadWeightKernels } from './quantise/weight-kernels.ts';
import type { UnitAnswer, UnitJob, WorkerSetup } from './unit-jobs.ts';
import { UnitRunner } from './unit-runner.ts';

/** A worker thread: takes units from its port, answers each, ends when the port closes. */
const port = parentPort;
if (!port) throw new Error('convert.worker.ts is a worker thread, not a program');
const runner = new UnitRunner(workerData as WorkerSetup, await loadWeightKernels());

function answer(job: UnitJob): UnitAnswer {
  try {
    return { unit: job.unit, ...runner.run(job) };
  } catch (error) {
    return { unit: job.unit, error: fileError(error).toJSON() };
  }
}

port.on('message', (job: UnitJob) => port.postMessage(answer(job)));
port.on('close', () => runner.close());
