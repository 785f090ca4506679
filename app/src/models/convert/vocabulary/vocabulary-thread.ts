import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { AppError, type ErrorBody } from '../../../contracts/app-error.ts';
import type { EncodedEntries } from '../../../formats/gguf/gguf-writer.ts';
import type { JsonObject } from '../../../formats/json-object.ts';
import { startWorker } from '../../../lib/start-worker.ts';
import type { VocabularyBytes } from './vocabulary-files.ts';

export interface VocabularyTask {
  files: VocabularyBytes;
  /** Rows of the model's embedding. */
  size: number;
  /** The model's config.json. */
  config: JsonObject;
}

export interface EncodedVocabulary {
  /** Everything `tokenizer.*` except the chat template. */
  entries: EncodedEntries;
  notes: string[];
}

export type VocabularyAnswer = EncodedVocabulary | { error: ErrorBody };

/** A vocabulary comes from the internet: what it may take is bounded. The largest known ones need 700 MB while read. */
const memoryMb = 1536;
/** They take ten seconds on a slow machine. */
const timeoutMs = 120_000;
/** A model is planned two or three times in a row: before it is asked for, and when it is made. */
const keptMs = 5000;

/** A thread that has answered and waits for another task. */
let idle: { worker: Worker; timer: NodeJS.Timeout } | undefined;

/** Reads a vocabulary in another thread: a large one takes seconds, in which every stream here would stand still. */
export async function encodeVocabulary(
  task: VocabularyTask,
  signal?: AbortSignal,
): Promise<EncodedVocabulary> {
  const worker = takeThread();
  try {
    worker.postMessage(task);
    const answer = await answerOf(worker, signal);
    keepThread(worker);
    if (!('error' in answer)) return answer;
    throw AppError.fromJSON(answer.error);
  } catch (error) {
    if (error instanceof AppError) throw error;
    await worker.terminate();
    signal?.throwIfAborted();
    const message = 'The vocabulary takes more memory or time to read than any known one.';
    throw new AppError('file-invalid', message, { cause: error });
  }
}

async function answerOf(worker: Worker, signal: AbortSignal | undefined): Promise<VocabularyAnswer> {
  const limit = AbortSignal.timeout(timeoutMs);
  const until = signal ? AbortSignal.any([signal, limit]) : limit;
  const [answer] = (await once(worker, 'message', { signal: until })) as [VocabularyAnswer];
  return answer;
}

function takeThread(): Worker {
  if (idle) {
    const { worker, timer } = idle;
    idle = undefined;
    clearTimeout(timer);
    worker.ref();
    return worker;
  }
  return startWorker(new URL('vocabulary.worker.ts', import.meta.url), {
    env: {},
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
  });
}

function keepThread(worker: Worker): void {
  if (idle) return void worker.terminate();
  worker.unref();
  const timer = setTimeout(() => {
    idle = undefined;
    void worker.terminate();
  }, keptMs);
  idle = { worker, timer: timer.unref() };
}
