import { wantsOutput, type Part } from './batch-plan.ts';
import type { CancelLine } from './cancel-line.ts';
import type { NativeContext } from './context.ts';
import type { Counters } from './counters.ts';
import type { Sequences } from './sequences.ts';
import type { Task } from './task.ts';
import type { ThreadController } from './thread-controller.ts';
import type { WorkClock } from './work-clock.ts';

/** Shorter steps are not worth stopping: the cancellation is taken up right after them. */
const abortableMs = 25;
const noTickets: readonly number[] = [];

export interface BatchRunnerOptions {
  context: NativeContext;
  sequences: Sequences;
  cancelLine: CancelLine;
  threads: ThreadController;
  clock: WorkClock;
  counters: Counters;
  /** Whether the state of a sequence can be cut back; otherwise a decode that was stopped or failed has spoilt all of it. */
  canTrim: boolean;
  /** Frees room in the cache; false where nothing can go. */
  makeRoom(): boolean;
  /** Takes up a token or a piece of prompt that is in the cache now, with its logits still there. */
  onDone(part: Part): void;
  onFailed(task: Task, code: number): void;
  /** Nothing can go: makes somebody step back and returns the parts that are left to run. */
  onNoRoom(parts: readonly Part[]): Part[];
}

/** Runs one batch, and if that fails finds out whose fault it was: the others lose nothing. */
export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  msPerPromptToken = 4;
  msPerTokenStep = 10;

  constructor(options: BatchRunnerOptions) {
    this.#options = options;
  }

  /** Does nothing when a cancellation came first. */
  run(parts: readonly Part[]): void {
    const { context, cancelLine, clock } = this.#options;
    this.#fill(parts);
    const promptTokens = promptTokensOf(parts);
    const isAbortable = this.#expectedMs(promptTokens) > abortableMs && this.#harmsNobodyElse(parts);
    if (!cancelLine.arm(isAbortable ? parts.map((part) => part.task.ticket) : noTickets)) {
      cancelLine.disarm();
      return;
    }
    this.#enter(promptTokens > 0);
    const { status, code } = context.decode();
    const ms = clock.leaveDecode();
    cancelLine.stepped();
    cancelLine.disarm();
    if (status === 'done') {
      this.#learn(ms, { prompt: promptTokens, parts: parts.length });
      for (const part of parts) this.#settle(part, part.count);
    } else if (status === 'aborted') {
      this.#options.counters.abortedDecodes++;
      for (const part of parts) this.#settleStopped(part);
    } else if (status === 'full') {
      this.#retryWithRoom(parts);
    } else {
      this.#findFault(parts, code);
    }
  }

  #findFault(parts: readonly Part[], code: number): void {
    for (const part of parts) this.#restore(part);
    const isPlain = parts.length === 1 || !this.#options.canTrim;
    for (const part of parts) {
      if (isPlain) this.#options.onFailed(part.task, code);
      else this.run([part]);
    }
  }

  #harmsNobodyElse(parts: readonly Part[]): boolean {
    return this.#options.canTrim || parts.length === 1;
  }

  #fill(parts: readonly Part[]): void {
    const { context } = this.#options;
    context.startBatch();
    context.wantEmbeddings(
      parts.some(({ task }) => task.work.kind === 'read' && task.work.row === 'embedding'),
    );
    for (const part of parts) {
      const { task } = part;
      for (let index = 0; index < part.count; index++) {
        const position = part.from + index;
        const token = part.kind === 'token' ? task.pending : task.target.at(position);
        const wants = wantsOutput(part, position);
        part.lastIndex = context.add(token, position, task.sequence!.id, wants);
      }
    }
  }

  #enter(hasPrompt: boolean): void {
    const { threads, clock, cancelLine } = this.#options;
    cancelLine.enter(hasPrompt ? 'prompt' : 'token');
    if (hasPrompt) threads.beforePrompt();
    else threads.beforeToken();
    clock.enterDecode();
  }

  #learn(ms: number, { prompt, parts }: { prompt: number; parts: number }): void {
    if (prompt === 0) {
      this.msPerTokenStep = this.msPerTokenStep * 0.9 + ms * 0.1;
      this.#options.threads.afterToken(ms, parts);
    } else if (prompt >= 8) {
      this.msPerPromptToken = this.msPerPromptToken * 0.7 + (ms / (prompt + parts)) * 0.3;
    }
  }

  #expectedMs(promptTokens: number): number {
    return promptTokens > 0 ? promptTokens * this.msPerPromptToken : this.msPerTokenStep;
  }

  /** The first `count` tokens of the part are in the cache. */
  #settle(part: Part, count: number): void {
    const { task } = part;
    const { tokens } = task.sequence!;
    if (part.kind === 'token') tokens.push(task.pending);
    else tokens.append(task.target.view().subarray(part.from, part.from + count));
    this.#options.onDone(part);
  }

  /** A stopped decode keeps the pieces that were whole; a token whose logits were lost is computed again. */
  #settleStopped(part: Part): void {
    const { context, sequences, canTrim } = this.#options;
    const { sequence } = part.task;
    if (sequence === null) return;
    if (!canTrim) {
      sequences.truncate(sequence, 0);
      return;
    }
    const kept = part.kind === 'token' ? 0 : Math.min(part.count, context.lengthOf(sequence.id) - part.from);
    const isComplete = part.from + kept >= part.task.target.length;
    const count = isComplete || part.task.work.kind === 'read' ? 0 : Math.max(0, kept);
    if (count > 0) sequence.tokens.append(part.task.target.view().subarray(part.from, part.from + count));
    sequences.truncate(sequence, sequence.tokens.length);
  }

  #restore(part: Part): void {
    const { sequence } = part.task;
    if (sequence !== null) this.#options.sequences.truncate(sequence, part.from);
  }

  #retryWithRoom(parts: readonly Part[]): void {
    const left = this.#options.makeRoom() ? parts : this.#options.onNoRoom(parts);
    if (left.length > 0) this.run(left);
  }
}

function promptTokensOf(parts: readonly Part[]): number {
  let tokens = 0;
  for (const part of parts) if (part.kind === 'prompt') tokens += part.count;
  return tokens;
}
