import type { Worker } from 'node:worker_threads';
import { AppError, type ErrorBody } from '../contracts/app-error.ts';
import { startWorker } from '../lib/start-worker.ts';
import type { TemplateTask } from './jinja-template.ts';
import type { PromptSegment } from './segments.ts';

export type RenderAnswer = { segments: PromptSegment[] } | { error: ErrorBody };

export interface TemplateThreadLimits {
  /** Processor time that one rendering may take; on a busy machine that is longer on the clock. */
  timeoutMs: number;
  memoryMb: number;
}

const startMs = 60_000;
/** A rendering that gets no processor at all ends after so many times its processor time. */
const mostClockTimes = 15;

/** A thread in which templates run, one after the other; one that takes too much of anything ends it. */
export class TemplateThread {
  readonly #worker: Worker;
  readonly #limits: TemplateThreadLimits;
  hasEnded = false;

  private constructor(worker: Worker, limits: TemplateThreadLimits) {
    this.#worker = worker;
    this.#limits = limits;
  }

  static async start(limits: TemplateThreadLimits): Promise<TemplateThread> {
    const worker = startWorker(new URL('render.worker.ts', import.meta.url), {
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: {
        maxOldGenerationSizeMb: limits.memoryMb,
        maxYoungGenerationSizeMb: 4,
        stackSizeMb: 4,
      },
    });
    // Without a listener, a worker that dies while idle would end this process.
    worker.on('error', () => undefined);
    await within(startMs, (resolve, reject) => {
      // The thread says so itself: `online` comes before its modules are loaded, which takes seconds on a busy machine.
      worker.once('message', () => resolve(undefined));
      worker.once('error', reject);
    });
    return new TemplateThread(worker, limits);
  }

  async render(task: TemplateTask): Promise<PromptSegment[]> {
    const worker = this.#worker;
    worker.ref();
    try {
      const answer = await this.#withinProcessorTime<RenderAnswer>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.postMessage(task);
      });
      if ('error' in answer) throw AppError.fromJSON(answer.error);
      return answer.segments;
    } catch (error) {
      if (error instanceof AppError) throw error;
      await this.end();
      throw this.#stopped(error);
    } finally {
      worker.removeAllListeners('message');
      worker.removeAllListeners('error');
      worker.on('error', () => undefined);
      worker.unref();
    }
  }

  async end(): Promise<void> {
    this.hasEnded = true;
    await this.#worker.terminate();
  }

  /**
   * A template is stopped for what it computes, not for what others do: a wrong "too slow" at load would make a model
   * answer in a format that is not its own.
   */
  async #withinProcessorTime<Value>(
    start: (resolve: (value: Value) => void, reject: (error: Error) => void) => void,
  ): Promise<Value> {
    const worker = this.#worker;
    const { timeoutMs } = this.#limits;
    const lookMs = timeoutMs / 10;
    // To ask the thread takes as long as most renderings: that begins where one is not over by the first look.
    let known: NodeJS.CpuUsage | null = null;
    const isTooSlow = async (): Promise<boolean> => {
      const now = await worker.cpuUsage();
      known ??= now;
      return (now.user - known.user + now.system - known.system) / 1000 >= timeoutMs - lookMs;
    };
    let timer: NodeJS.Timeout | undefined;
    const watched = within<Value>(timeoutMs * mostClockTimes, (resolve, reject) => {
      const look = (): void => {
        void isTooSlow().then(
          (isSlow) => isSlow && reject(new DeadlineError('too slow')),
          () => undefined,
        );
      };
      timer = setInterval(look, lookMs);
      start(resolve, reject);
    });
    return watched.finally(() => clearInterval(timer));
  }

  #stopped(error: unknown): AppError {
    const { timeoutMs, memoryMb } = this.#limits;
    const reason =
      error instanceof DeadlineError
        ? `took longer than ${timeoutMs / 1000} s`
        : `ended its thread (it may use ${memoryMb} MB)`;
    return new AppError('template-failed', `The model's chat template ${reason} and was stopped.`, {
      hint: 'Choose a built-in prompt format for this chat.',
      cause: error,
    });
  }
}

class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

function within<Value>(
  timeoutMs: number,
  start: (resolve: (value: Value) => void, reject: (error: Error) => void) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineError('too slow')), timeoutMs);
    const done = (): void => clearTimeout(timer);
    start(
      (value) => {
        done();
        resolve(value);
      },
      (error) => {
        done();
        reject(error);
      },
    );
  });
}
