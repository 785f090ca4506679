import { performance } from 'node:perf_hooks';
import { AppError } from '../../../contracts/app-error.ts';
import type { EndReason } from '../../../contracts/run-parts.ts';
import { wantsOutput, type Part } from './batch-plan.ts';
import type { NativeContext } from './context.ts';
import type { Counters } from './counters.ts';
import type { FairQueue } from './fair-queue.ts';
import type { Drawn } from './sampler.ts';
import type { Speech } from './speech.ts';
import type { AnswerWork, Task } from './task.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface BatchResultsOptions {
  context: NativeContext;
  vocabulary: Vocabulary;
  counters: Counters;
  contextTokens: number;
  queue: FairQueue<Task>;
  speech: Speech;
  end: (task: Task, reason: EndReason) => void;
  fail: (task: Task, error: unknown) => void;
}

/** What becomes of a computed batch: the next token of an answer, or the rows that a reading wants. */
export class BatchResults {
  readonly #options: BatchResultsOptions;

  constructor(options: BatchResultsOptions) {
    this.#options = options;
  }

  /** A part of it has just been computed; its rows are there until the next batch. */
  take(part: Part): void {
    const { task } = part;
    try {
      if (task.work.kind === 'read') this.#takeRows(part);
      else if (part.kind === 'token' || task.sequence!.tokens.length >= task.target.length) this.#draw(part);
      if (part.kind === 'prompt') this.#tellProgress(part);
    } catch (error) {
      this.#options.fail(task, error);
    }
  }

  #tellProgress({ task, count }: Part): void {
    this.#options.counters.promptTokens += count;
    this.#options.queue.charge(task.person, count);
    if (task.work.kind !== 'answer') return;
    const processed = Math.min(task.sequence?.tokens.length ?? task.promptTokens, task.promptTokens);
    if (task.generated.length > 1 || task.phase === 'ended') return;
    if (task.phase === 'reading') this.#options.speech.tellProgress(task, processed);
  }

  #draw(part: Part): void {
    const { task } = part;
    const { work } = task;
    if (work.kind !== 'answer') return;
    const row = this.#options.context.logits(part.lastIndex);
    if (row === null) throw new AppError('internal', 'The engine gave no logits.');
    if (task.phase === 'reading') this.#beginAnswer(task);
    const { id, logprob } = work.sampler.next(row);
    task.firstTokenAt ||= performance.now();
    if (this.#options.vocabulary.isEnd(id) && !work.ignoreEnd) this.#options.end(task, 'stop');
    else if (work.stopIds.has(id)) this.#options.end(task, 'stop-token');
    else this.#takeToken(task, work, { id, logprob });
  }

  #beginAnswer(task: Task): void {
    task.promptDoneAt ||= performance.now();
    task.phase = 'generating';
    if (task.generated.length > 0) return;
    this.#options.speech.tellProgress(task, task.promptTokens);
  }

  #takeToken(task: Task, work: AnswerWork, drawn: Drawn): void {
    const { counters, contextTokens, queue, speech, end } = this.#options;
    task.generated.push(drawn.id);
    task.pending = drawn.id;
    counters.generatedTokens++;
    queue.charge(task.person, 1);
    if (drawn.logprob !== null) speech.tell(task, { type: 'token', token: drawn.logprob });
    // The first tokens may be none that is seen: a part of a character, or what only steers.
    const isSilent = work.text.shown === '';
    if (isSilent || drawn.logprob !== null || work.text.hasStops) speech.sayDrawn(task, work, isSilent);
    const isFull =
      task.generated.length >= work.maxNewTokens || task.sequence!.tokens.length >= contextTokens;
    if (work.text.stopString !== null) end(task, 'stop-string');
    else if (isFull) end(task, 'length');
  }

  #takeRows(part: Part): void {
    const { task } = part;
    const { work } = task;
    if (work.kind !== 'read') return;
    const { context } = this.#options;
    const firstIndex = part.lastIndex - part.count + 1;
    for (let index = 0; index < part.count; index++) {
      const position = part.from + index;
      if (!wantsOutput(part, position)) continue;
      const row =
        work.row === 'logits' ? context.logits(firstIndex + index) : context.embedding(firstIndex + index);
      if (row === null) throw new AppError('internal', `The engine gave no ${work.row}.`);
      work.take(row, position);
    }
    if (part.from + part.count >= task.target.length) this.#options.end(task, 'stop');
  }
}
