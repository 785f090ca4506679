import { performance } from 'node:perf_hooks';
import type { RunPart } from '../../../contracts/run-parts.ts';
import type { Outbox } from './outbox.ts';
import type { AnswerWork, Task } from './task.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface SpeechOptions {
  vocabulary: Vocabulary;
  outbox: Outbox;
}

/** What requests are told of their answers. */
export class Speech {
  readonly #options: SpeechOptions;

  constructor(options: SpeechOptions) {
    this.#options = options;
  }

  tell(task: Task, part: RunPart, urgent = false): void {
    if (task.work.kind === 'answer') this.#options.outbox.add(task.ticket, part, urgent);
  }

  /** How much of the prompt is in the cache. */
  tellProgress(task: Task, processed: number): void {
    const { promptTokens: total, cachedTokens: cached } = task;
    this.tell(task, { type: 'prompt-progress', processed, total, cached });
  }

  /**
   * Tokens become text when that is sent, some at once: after each decode the caches hold weights, and the code for it
   * would come from memory every time. Only where a stop string may end the answer every token is looked at.
   */
  sayDrawn(task: Task, work: AnswerWork, urgent = false): void {
    const { generated } = task;
    let text = '';
    if (generated.length > task.saidTokens)
      task.pace.count(generated.length - task.saidTokens, performance.now());
    while (task.saidTokens < generated.length)
      text += work.text.push(this.#options.vocabulary.piece(generated.at(task.saidTokens++)));
    this.#say(task, text, urgent);
  }

  /** What was drawn, and what was held back in case it became a stop string. */
  sayAll(task: Task, work: AnswerWork): void {
    this.sayDrawn(task, work);
    this.#say(task, work.text.end());
  }

  /** Sends what there is, if it is time. */
  send(active: readonly Task[]): void {
    const { outbox } = this.#options;
    if (!outbox.isDue()) return;
    for (const task of active) if (task.work.kind === 'answer') this.sayDrawn(task, task.work);
    outbox.flush();
  }

  #say(task: Task, text: string, urgent = false): void {
    if (text !== '') this.tell(task, { type: 'text-delta', text }, urgent);
  }
}
