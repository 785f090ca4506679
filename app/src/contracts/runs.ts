import { z } from 'zod';
import type { ErrorBody } from './app-error.ts';
import { adapterUseSchema, chatSettingsSchema, idSchema } from './chats.ts';
import { errorBodySchema } from './error-body.ts';
import { roleSchema } from './messages.ts';
import {
  endReasons,
  timingsSchema,
  usageSchema,
  type EndReason,
  type Timings,
  type TokenLogprob,
  type Usage,
} from './run-parts.ts';
import { samplingSchema } from './sampling.ts';

/** Runs: one answer each, from acceptance to receipt. Offsets count UTF-16 units of the message's content. */

export const runPhases = ['accepted', 'loading', 'planning', 'queued', 'streaming', 'ended'] as const;
export type RunPhase = (typeof runPhases)[number];

export const runSchema = z.strictObject({
  id: idSchema,
  chatId: idSchema,
  /** The answer it writes. */
  messageId: idSchema,
  phase: z.enum(runPhases),
  /** Raised each time the run is taken up again after a crash. */
  epoch: z.int().min(1),
  /** Where it began to write: 0, or the length of the answer that it continues. */
  startOffset: z.int().min(0),
  /** Everything before it is on disk and will never change. */
  durableOffset: z.int().min(0),
  /** Settings given with this message alone. */
  settings: chatSettingsSchema,
  endReason: z.enum(endReasons).nullable(),
  error: errorBodySchema.nullable(),
  createdAt: z.int(),
  endedAt: z.int().nullable(),
});
export type Run = z.infer<typeof runSchema>;

export const plannedMessageSchema = z.strictObject({
  /** Null: the system prompt of the settings. */
  messageId: idSchema.nullable(),
  role: roleSchema,
  tokens: z.int().min(0),
  /** Length of the text as it was then; an answer may have been continued since. */
  characters: z.int().min(0),
  seen: z.boolean(),
  why: z.enum(['system', 'pinned', 'current', 'fits', 'no-room', 'not-remembered']),
});
export type PlannedMessage = z.infer<typeof plannedMessageSchema>;

/** What the model sees of a chat, and what not. */
export const contextPlanSchema = z.strictObject({
  contextTokens: z.int(),
  /** Kept free for the answer. */
  reservedTokens: z.int(),
  promptTokens: z.int(),
  /** False: the engine can only estimate. */
  exact: z.boolean(),
  fits: z.boolean(),
  rememberExchanges: z.int().nullable(),
  messages: z.array(plannedMessageSchema),
  /** Ids of those not seen, oldest first. */
  droppedMessageIds: z.array(idSchema),
  /** The page draws its line above this message; null: nothing was dropped. */
  firstSeenMessageId: idSchema.nullable(),
});
export type ContextPlan = z.infer<typeof contextPlanSchema>;

/** Everything needed to see what was really sent and to ask it again. */
export const receiptSchema = z.strictObject({
  runId: idSchema,
  chatId: idSchema,
  messageId: idSchema,
  createdAt: z.int(),
  model: z.strictObject({
    reference: z.string(),
    id: z.string(),
    kind: z.string(),
    sha256: z.string().nullable(),
    name: z.string(),
    architecture: z.string(),
  }),
  adapters: z.array(adapterUseSchema.extend({ sha256: z.string().nullable() })),
  engineRelease: z.string(),
  device: z.string(),
  template: z.strictObject({ source: z.string(), name: z.string(), hash: z.string() }),
  /** The prompt format that was asked for; null: the model's own. */
  format: z.string().nullable(),
  /** The text that was sent as system prompt, which the settings may no longer hold. */
  systemPrompt: z.string().nullable(),
  plan: contextPlanSchema,
  /** Every value, whoever said it. */
  sampling: samplingSchema,
  /** Names of values that this engine does not use. */
  ignoredSampling: z.array(z.string()),
  /** sha256 of the prompt's token ids; null where the engine shows none. */
  promptIdsHash: z.string().nullable(),
  startOffset: z.int(),
  endOffset: z.int(),
  endReason: z.enum(endReasons),
  stopString: z.string().nullable(),
  error: errorBodySchema.nullable(),
  usage: usageSchema.nullable(),
  timings: timingsSchema.nullable(),
  /** Offsets at which the run was taken up again after a crash; empty: it was not resumed. */
  resumedAt: z.array(z.int()),
});
export type Receipt = z.infer<typeof receiptSchema>;

/** What a watcher of a run hears. A watcher that knew an older epoch cuts its text back to `start.offset`. */
export type RunEvent = { runId: string; epoch: number } & (
  | {
      type: 'start';
      messageId: string;
      chatId: string;
      phase: RunPhase;
      /** Text before it is what the watcher already has; all that follows is sent. */
      offset: number;
      durableOffset: number;
    }
  | { type: 'phase'; phase: RunPhase }
  | { type: 'model-load'; progress: number }
  | { type: 'queue-position'; position: number; etaMs: number | null }
  | { type: 'plan'; plan: ContextPlan }
  | { type: 'prompt-progress'; processed: number; total: number; cached: number }
  | { type: 'text'; offset: number; text: string }
  | { type: 'token'; token: TokenLogprob }
  /** All text before `offset` is on disk. */
  | { type: 'durable'; offset: number }
  | { type: 'usage'; usage: Usage }
  | { type: 'timings'; timings: Timings }
  | {
      type: 'end';
      reason: EndReason;
      /** Length of the whole message. */
      offset: number;
      stopString?: string;
      error?: ErrorBody;
      resumed: boolean;
    }
);
