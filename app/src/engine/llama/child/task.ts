import { performance } from 'node:perf_hooks';
import type { RunPart } from '../../../contracts/run-parts.ts';
import { PaceMeter } from '../../pace.ts';
import type { AnswerText } from './answer-text.ts';
import type { Sampler } from './sampler.ts';
import type { Sequence } from './sequences.ts';
import type { Pointer } from './structs.ts';
import type { TokenList } from './token-list.ts';
import type { Transcript, TypedText } from './transcript.ts';

export interface AdapterSet {
  /** Equal keys mean equal effect; empty without adapters. */
  key: string;
  items: { pointer: Pointer; scale: number }[];
}

export interface AnswerWork {
  kind: 'answer';
  sampler: Sampler;
  text: AnswerText;
  /** Stop strings that the caller gave; the others belong to the prompt format. */
  askedStops: ReadonlySet<string>;
  maxNewTokens: number;
  stopIds: ReadonlySet<number>;
  ignoreEnd: boolean;
}

/** A given text is read for what the model makes of it at each place: nothing is drawn. */
export interface ReadWork {
  kind: 'read';
  /** Rows are looked at from this position on; what stands before it may have been read by others. */
  from: number;
  row: 'logits' | 'embedding';
  /** Whether the last token's row is looked at as well. */
  includesLast: boolean;
  /** The row after the token at this position. Valid until the next decode. */
  take(row: Float32Array, position: number): void;
  /** All that was taken is read anew. */
  restart(): void;
  resolve(): void;
  reject(error: unknown): void;
}

/** What a request asks to be computed: an answer, or what the model makes of a given text. */
export type Work = AnswerWork | ReadWork;

export type TaskPhase = 'queued' | 'waiting' | 'reading' | 'generating' | 'ended';

/** State of a chat that lies on disk, read and checked, to be put into the cache when reading starts. */
export interface StoredState {
  ids: Int32Array;
  state: Uint8Array;
  transcript: Transcript | null;
}

/** One request on its way through the scheduler. */
export interface Task {
  readonly ticket: number;
  readonly person: string;
  readonly priority: 'answer' | 'side';
  readonly stateKey: string | null;
  readonly ephemeral: boolean;
  readonly adapters: AdapterSet;
  readonly work: Work;
  /** What must be in the cache before the next token can be drawn; grows with the answer when it was preempted. */
  readonly target: TokenList;
  readonly promptTokens: number;
  /** Text of the prompt, where it is known which of it the template wrote. */
  readonly promptText: TypedText | null;
  stored: StoredState | null;
  phase: TaskPhase;
  sequence: Sequence | null;
  /** Drawn, not yet decoded. */
  pending: number;
  generated: TokenList;
  /** Of `generated`, those whose text was made. */
  saidTokens: number;
  readonly pace: PaceMeter;
  cachedTokens: number;
  /** Had to give its place in the cache to others. */
  isPreempted: boolean;
  queuedAt: number;
  startedAt: number;
  promptDoneAt: number;
  firstTokenAt: number;
  lastPosition: number;
}

export type NewTask = Pick<
  Task,
  'ticket' | 'person' | 'priority' | 'stateKey' | 'ephemeral' | 'adapters' | 'work' | 'target' | 'promptText'
> &
  Partial<Pick<Task, 'stored'>>;

export function createTask(options: NewTask, empty: TokenList): Task {
  return {
    ...options,
    stored: options.stored ?? null,
    promptTokens: options.target.length,
    phase: 'queued',
    sequence: null,
    pending: -1,
    generated: empty,
    saidTokens: 0,
    pace: new PaceMeter(),
    cachedTokens: 0,
    isPreempted: false,
    queuedAt: performance.now(),
    startedAt: 0,
    promptDoneAt: 0,
    firstTokenAt: 0,
    lastPosition: -1,
  };
}

/** Back to the queue without a place in the cache; what was answered so far is read anew with the prompt. */
export function stepBack(task: Task): void {
  task.sequence = null;
  task.isPreempted = true;
  task.phase = 'queued';
  task.target.truncate(task.promptTokens);
  task.target.append(task.generated.view());
  if (task.work.kind === 'read') task.work.restart();
}

/** The two parts that come before the last. */
export function closingParts(task: Task): RunPart[] {
  const now = performance.now();
  const startedAt = task.startedAt || now;
  const promptDoneAt = task.promptDoneAt || now;
  const firstTokenAt = task.firstTokenAt || now;
  const promptMs = promptDoneAt - startedAt;
  const generationMs = now - firstTokenAt;
  const read = task.promptTokens - task.cachedTokens;
  const later = Math.max(0, task.generated.length - 1);
  return [
    {
      type: 'usage',
      usage: {
        promptTokens: task.promptTokens,
        cachedTokens: Math.min(task.cachedTokens, task.promptTokens),
        completionTokens: task.generated.length,
      },
    },
    {
      type: 'timings',
      timings: {
        queuedMs: startedAt - task.queuedAt,
        promptMs,
        firstTokenMs: firstTokenAt - task.queuedAt,
        generationMs,
        promptTokensPerSecond: perSecond(read, promptMs),
        tokensPerSecond: perSecond(later, generationMs),
        ...task.pace.shown(),
      },
    },
  ];
}

function perSecond(count: number, ms: number): number {
  return ms > 0 && count > 0 ? (count * 1000) / ms : 0;
}
