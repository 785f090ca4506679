import type { Worker } from 'node:worker_threads';
import { startWorker } from '../../lib/start-worker.ts';
import type { PromptSegment } from '../../prompts/segments.ts';
import type { TokenCounts, TokenizerAnswer, TokenizerTask } from './tokenizer-messages.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

/** One thread that holds the tokenizers of all models elsewhere; started with the first, ended with the last. */
export interface TokenizerThread {
  /** Texts of the control tokens. Rejects where the files are no tokenizer that is understood here. */
  load(model: string, files: TokenizerFiles): Promise<string[]>;
  /** Rejects where it takes too long or too much memory; the next count is made by a new thread. */
  count(model: string, prompt: CountedPrompt): Promise<TokenCounts>;
  drop(model: string): void;
  close(): Promise<void>;
}

export interface CountedPrompt {
  segments: PromptSegment[];
  messageCount: number;
  addBos: boolean;
}

/** A tokenizer comes from the internet: what it may take is bounded. The largest known ones need 400 MB while read. */
const memoryMb = 768;
const usualTimeoutMs = 30_000;

type Work = TokenizerTask extends infer Task
  ? Task extends { id: number }
    ? Omit<Task, 'id'>
    : never
  : never;

export function createTokenizerThread({ timeoutMs = usualTimeoutMs } = {}): TokenizerThread {
  const models = new Map<string, TokenizerFiles>();
  /** What the thread holds that runs now; one that was ended takes all of it along. */
  const inThread = new Map<string, Promise<string[]>>();
  const line = createLine(timeoutMs, () => inThread.clear());

  function ready(model: string): Promise<string[]> {
    const files = models.get(model);
    if (!files) return Promise.reject(new Error('the tokenizer was dropped'));
    const loading = inThread.get(model) ?? loadInto(line, model, files);
    inThread.set(model, loading);
    loading.catch(() => inThread.delete(model));
    return loading;
  }

  return {
    load(model, files) {
      models.set(model, files);
      return ready(model);
    },
    async count(model, prompt) {
      await ready(model);
      const answer = await line.ask({ type: 'count', model, ...prompt });
      if (!('counts' in answer)) throw new Error('the tokenizer gave no counts');
      return answer.counts;
    },
    drop(model) {
      inThread.delete(model);
      if (!models.delete(model)) return;
      if (models.size === 0) line.stop(new Error('the tokenizer was dropped'));
      else void line.ask({ type: 'drop', model }).catch(() => undefined);
    },
    close: async () => line.stop(new Error('the tokenizer was closed')),
  };
}

async function loadInto(line: Line, model: string, { tokenizer, config }: TokenizerFiles): Promise<string[]> {
  const answer = await line.ask({ type: 'load', model, tokenizer, config });
  return 'controlTexts' in answer ? answer.controlTexts : [];
}

interface Line {
  ask: (work: Work) => Promise<TokenizerAnswer>;
  stop: (reason: Error) => void;
}

/** Questions to the thread and its answers; it is started by the first question after a stop. */
function createLine(timeoutMs: number, onStop: () => void): Line {
  let worker: Worker | null = null;
  let nextId = 0;
  const waiting = new Map<number, (answer: TokenizerAnswer | Error) => void>();

  function stop(reason: Error): void {
    void worker?.terminate();
    worker = null;
    onStop();
    for (const tell of waiting.values()) tell(reason);
    waiting.clear();
  }

  function start(): Worker {
    const started = startWorker(new URL('tokenizer.worker.ts', import.meta.url), {
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    started.on('message', (answer: TokenizerAnswer) => {
      waiting.get(answer.id)?.(answer);
      waiting.delete(answer.id);
      if (waiting.size === 0) started.unref();
    });
    started.on('error', (error) => {
      if (worker === started) stop(error);
    });
    return started;
  }

  function ask(work: Work): Promise<TokenizerAnswer> {
    worker ??= start();
    const current = worker;
    current.ref();
    const id = nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => stop(new Error('the tokenizer took too long')), timeoutMs);
      waiting.set(id, (answer) => {
        clearTimeout(timer);
        if (answer instanceof Error) reject(answer);
        else if ('failure' in answer) reject(new Error(answer.failure));
        else resolve(answer);
      });
      current.postMessage({ ...work, id });
    });
  }

  return { ask, stop };
}
