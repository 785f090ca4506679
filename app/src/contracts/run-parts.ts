import { z } from 'zod';
import type { ErrorBody } from './app-error.ts';

export const endReasons = [
  /** The model ended its turn. */
  'stop',
  /** A stop string given by the caller. */
  'stop-string',
  /** One of the stop token ids given by the caller. */
  'stop-token',
  /** `maxNewTokens` or the context was reached. */
  'length',
  /** Somebody stopped it; the text so far is kept. */
  'aborted',
  /** The engine went away in the middle; `chat/runs` decides whether to resume. */
  'interrupted',
  /** It could not be answered; `error` says why. */
  'failed',
] as const;
export type EndReason = (typeof endReasons)[number];

export interface TokenLogprob {
  id: number;
  /** The token's own bytes as text; may be a part of a character. */
  text: string;
  bytes: number[];
  logprob: number;
  top: { id: number; text: string; bytes: number[]; logprob: number }[];
}

export const usageSchema = z.strictObject({
  promptTokens: z.int(),
  /** Of `promptTokens`, those whose KV state was already there. */
  cachedTokens: z.int(),
  completionTokens: z.int(),
});
export type Usage = z.infer<typeof usageSchema>;

/** Tokens written in each stretch of an answer, all equally long but the last, which ended with it. */
export const paceSchema = z.strictObject({
  partMs: z.number().positive(),
  tokens: z.array(z.int().min(0)).max(60),
});
export type Pace = z.infer<typeof paceSchema>;

export const timingsSchema = z.strictObject({
  queuedMs: z.number(),
  promptMs: z.number(),
  firstTokenMs: z.number(),
  generationMs: z.number(),
  promptTokensPerSecond: z.number(),
  tokensPerSecond: z.number(),
  /** Absent where an answer was short, and in receipts of older versions. */
  pace: paceSchema.optional(),
});
export type Timings = z.infer<typeof timingsSchema>;

/** What an engine says while it answers, in order; `end` is always the last part and comes exactly once. */
export type RunPart =
  | { type: 'model-load'; progress: number }
  | { type: 'queue-position'; position: number; etaMs: number | null }
  | { type: 'prompt-progress'; processed: number; total: number; cached: number }
  | { type: 'text-delta'; text: string }
  | { type: 'token'; token: TokenLogprob }
  | { type: 'usage'; usage: Usage }
  | { type: 'timings'; timings: Timings }
  | { type: 'end'; reason: EndReason; stopString?: string; error?: ErrorBody };
