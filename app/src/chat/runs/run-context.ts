import type { AppError } from '../../contracts/app-error.ts';
import type { Config } from '../../config/config.ts';
import type { Engine, LoadOptions, ModelSource } from '../../engine/engine.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Models } from '../../models/models.ts';
import type { RunState } from '../../store/run-store.ts';
import type { ContextPlan } from '../../contracts/runs.ts';
import type { ChatNotice } from '../chats.ts';
import type { ConversationStore } from '../conversation-store.ts';
import type { EffectiveSettings } from '../settings/resolve-settings.ts';
import type { JournalWriter } from './journal-writer.ts';
import type { LiveRun } from './live-run.ts';
import type { Suspects } from './suspects.ts';

/** What chats need of the fleet. */
export interface Engines {
  /** Loads the model if need be. It stays in memory at least until `release`. */
  acquire(
    source: ModelSource,
    options?: Pick<LoadOptions, 'contextTokens' | 'onProgress'>,
    signal?: AbortSignal,
  ): Promise<{ engine: Engine; release: () => void }>;
  /** Whether `acquire` would load nothing. */
  holds(source: ModelSource, options?: Pick<LoadOptions, 'contextTokens'>): boolean;
}

export type ChatsConfig = Pick<
  Config,
  | 'model'
  | 'promptFormat'
  | 'contextTokens'
  | 'trashDays'
  | 'feedback'
  | 'loggingUrl'
  | 'loggingMode'
  | 'loggingTemporary'
>;

/** What all phases of a run share. */
export interface RunContext {
  readonly store: ConversationStore;
  readonly engines: Engines;
  readonly models: Pick<Models, 'resolve'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: ChatsConfig;
  readonly journal: JournalWriter;
  readonly live: Map<string, LiveRun>;
  /** Runs that somebody is about to work at: their ids, until they are live. */
  readonly beginning: Set<string>;
  readonly suspects: Suspects;
  /** Aborted when the server stops: runs are left to the next start. */
  readonly closing: AbortSignal;
  /** Not null: new answers are refused, because their log events would have no room. */
  readonly refusal: () => AppError | null;
  /** Goes on in the background; waited for when the server closes. */
  readonly keep: (work: Promise<void>) => void;
  readonly notify: (notice: ChatNotice) => void;
}

/** What a run needs to be taken up again; kept in its row. */
export interface AnswerState extends RunState {
  settings: EffectiveSettings;
  /** Position among the answers to one message; only the first may use the chat's saved KV state. */
  position: number;
  /** Null until the context was planned. */
  plan: ContextPlan | null;
}

export function answerState(run: LiveRun): AnswerState {
  return run.record.state as AnswerState;
}

/**
 * A chat that wants less context than models are loaded with shares the loaded model and plans with less; only one that
 * wants more needs a copy of its own.
 */
export function contextWish(
  config: Pick<ChatsConfig, 'contextTokens'>,
  wanted: number | null,
): { contextTokens?: number } {
  return wanted !== null && wanted > config.contextTokens ? { contextTokens: wanted } : {};
}
