import { Worker } from 'node:worker_threads';
import { AppError } from '../../contracts/app-error.ts';
import type { UnitAnswer, UnitJob, WorkerSetup } from './unit-jobs.ts';

interface Member {
  worker: Worker;
  /** Jobs that were given and not answered yet. */
  open: number;
}

/** One is being worked on and one waits, so that a worker never waits for the next message. */
const jobsAhead = 2;

/** Worker threads that take units. A failure of one ends the pool: nobody waits for an answer that will not come. */
export class WorkerPool {
  readonly #members: Member[];
  readonly #onAnswer: (answer: UnitAnswer) => void;
  readonly #waiting: (() => void)[] = [];
  #failure: AppError | undefined;
  #isClosing = false;

  constructor(count: number, setup: WorkerSetup, onAnswer: (answer: UnitAnswer) => void) {
    this.#onAnswer = onAnswer;
    this.#members = Array.from({ length: count }, () => this.#start(setup));
  }

  #start(setup: WorkerSetup): Member {
    const worker = new Worker(new URL('./convert.worker.ts', import.meta.url), {
      workerData: setup,
      resourceLimits: { maxOldGenerationSizeMb: 128 },
    });
    const member: Member = { worker, open: 0 };
    worker.on('message', (answer: UnitAnswer) => {
      member.open--;
      this.#onAnswer(answer);
      this.#wake();
    });
    worker.on('exit', () => {
      if (!this.#isClosing) this.fail(new AppError('internal', 'A converting thread ended by itself.'));
    });
    worker.on('error', (cause) =>
      this.fail(new AppError('internal', 'A converting thread failed.', { cause })),
    );
    return member;
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** Everything that waits is rejected with this from now on. */
  fail(error: AppError): void {
    this.#failure ??= error;
    this.#wake();
  }

  get failure(): AppError | undefined {
    return this.#failure;
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure;
  }

  async #changed(): Promise<void> {
    await new Promise<void>((resume) => this.#waiting.push(resume));
  }

  /** Resolves when some worker has room for a job. */
  async room(): Promise<void> {
    while (this.#members.every(({ open }) => open >= jobsAhead)) {
      this.#throwIfFailed();
      await this.#changed();
    }
    this.#throwIfFailed();
  }

  /** Gives a job to the worker with the fewest; its bytes move there. */
  give(job: UnitJob): void {
    this.#throwIfFailed();
    const member = this.#members.reduce((least, other) => (other.open < least.open ? other : least));
    member.open++;
    member.worker.postMessage(job, job.bytes ? [job.bytes] : []);
  }

  /** Resolves when every job that was given is answered. */
  async idle(): Promise<void> {
    while (this.#members.some(({ open }) => open > 0)) {
      this.#throwIfFailed();
      await this.#changed();
    }
    this.#throwIfFailed();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }
}
