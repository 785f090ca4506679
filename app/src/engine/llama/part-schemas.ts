import { z } from 'zod';
import { errorCodes, type ErrorCode } from '../../contracts/error-codes.ts';
import { endReasons, timingsSchema } from '../../contracts/run-parts.ts';
import { tokenLogprobSchema } from './token-schemas.ts';

/** Parts of an answer, as an engine child tells them: the bounds are ours, since a child may be hostile. */

const errorCodeNames = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
/** An error as a child may tell it. */
export const errorBodySchema = z.strictObject({
  code: z.enum(errorCodeNames),
  message: z.string().max(65_536),
  hint: z.string().max(65_536).optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});

export const runPartSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('model-load'), progress: z.number() }),
  z.strictObject({
    type: z.literal('queue-position'),
    position: z.int().min(0),
    etaMs: z.number().min(0).nullable(),
  }),
  z.strictObject({
    type: z.literal('prompt-progress'),
    processed: z.int().min(0),
    total: z.int().min(0),
    cached: z.int().min(0),
  }),
  z.strictObject({ type: z.literal('text-delta'), text: z.string() }),
  z.strictObject({ type: z.literal('token'), token: tokenLogprobSchema }),
  z.strictObject({
    type: z.literal('usage'),
    usage: z.strictObject({
      promptTokens: z.int().min(0),
      cachedTokens: z.int().min(0),
      completionTokens: z.int().min(0),
    }),
  }),
  z.strictObject({
    type: z.literal('timings'),
    timings: timingsSchema,
  }),
  z.strictObject({
    type: z.literal('end'),
    reason: z.enum(endReasons),
    stopString: z.string().optional(),
    error: errorBodySchema.optional(),
  }),
]);
