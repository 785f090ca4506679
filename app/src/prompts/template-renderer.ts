import type { Worker } from 'node:worker_threads';
import { AppError, type ErrorBody } from '../contracts/app-error.ts';
import { startWorker } from '../lib/start-worker.ts';
import type { TemplateTask } from './jinja-template.ts';
import type { PromptSegment } from './segments.ts';

export type RenderAnswer = { segments: PromptSegment[] } | { error: ErrorBody };

/** Renders chat templates where they can harm nobody. */
export interface TemplateRenderer {
  /** Rejects with `template-failed` when the template fails, takes too long or takes too much memory. */
  render(task: TemplateTask): Promise<PromptSegment[]>;
  close(): Promise<void>;
}

export interface TemplateRendererOptions {
  /** Processor time that one rendering may take; on a busy machine that is longer on the clock. */
  timeoutMs?: number;
  memoryMb?: number;
}

const startMs = 60_000;
/** A rendering that gets no processor at all ends after so many times its processor time. */
const mostClockTimes = 15;

/** One worker thread, started when first needed and again after a template had to be stopped. */
export function createTemplateRenderer(options: TemplateRendererOptions = {}): TemplateRenderer {
  const timeoutMs = options.timeoutMs ?? 2_000;
  const memoryMb = options.memoryMb ?? 64;
  let worker: Worker | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  let isClosed = false;

  async function start(): Promise<Worker> {
    const started = startWorker(new URL('render.worker.ts', import.meta.url), {
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    // Without a listener, a worker that dies while idle would end this process.
    started.on('error', () => undefined);
    await within(startMs, (resolve, reject) => {
      // The thread says so itself: `online` comes before its modules are loaded, which takes seconds on a busy machine.
      started.once('message', () => resolve(undefined));
      started.once('error', reject);
    });
    return started;
  }

  async function renderNow(task: TemplateTask): Promise<PromptSegment[]> {
    if (isClosed) throw new AppError('engine-unavailable', 'The renderer of chat templates is closed.');
    worker ??= await start();
    const current = worker;
    current.ref();
    try {
      const answer = await withinProcessorTime<RenderAnswer>(current, timeoutMs, (resolve, reject) => {
        current.once('message', resolve);
        current.once('error', reject);
        current.postMessage(task);
      });
      if ('error' in answer) throw AppError.fromJSON(answer.error);
      return answer.segments;
    } catch (error) {
      if (error instanceof AppError) throw error;
      worker = null;
      await current.terminate();
      throw stopped(error, timeoutMs, memoryMb);
    } finally {
      current.removeAllListeners('message');
      current.removeAllListeners('error');
      current.on('error', () => undefined);
      current.unref();
    }
  }

  return {
    render: (task) => {
      const next = queue.then(() => renderNow(task));
      queue = next.catch(() => undefined);
      return next;
    },
    close: async () => {
      isClosed = true;
      await queue;
      await worker?.terminate();
      worker = null;
    },
  };
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

/**
 * A template is stopped for what it computes, not for what others do: a wrong "too slow" at load would make a model
 * answer in a format that is not its own.
 */
async function withinProcessorTime<Value>(
  worker: Worker,
  timeoutMs: number,
  start: (resolve: (value: Value) => void, reject: (error: Error) => void) => void,
): Promise<Value> {
  const before = await worker.cpuUsage();
  let timer: NodeJS.Timeout | undefined;
  const watched = within<Value>(timeoutMs * mostClockTimes, (resolve, reject) => {
    timer = setInterval(() => {
      void worker.cpuUsage(before).then(
        ({ user, system }) => (user + system) / 1000 >= timeoutMs && reject(new DeadlineError('too slow')),
        () => undefined,
      );
    }, timeoutMs / 4);
    start(resolve, reject);
  });
  return watched.finally(() => clearInterval(timer));
}

function stopped(error: unknown, timeoutMs: number, memoryMb: number): AppError {
  const reason =
    error instanceof DeadlineError
      ? `took longer than ${timeoutMs / 1000} s`
      : `ended its thread (it may use ${memoryMb} MB)`;
  return new AppError('template-failed', `The model's chat template ${reason} and was stopped.`, {
    hint: 'Choose a built-in prompt format for this chat.',
    cause: error,
  });
}
