import { z } from 'zod';
import { idSchema } from '../chats.ts';
import { countParameter, cursorSchema, route, timeSchema } from './route.ts';

export const logStatusSchema = z.object({
  mode: z.enum(['off', 'metadata', 'full']),
  /** Host only: the address may hold a secret. */
  host: z.string().nullable(),
  signed: z.boolean(),
  pending: z.number(),
  pendingBytes: z.number(),
  oldestPendingAt: timeSchema.nullable(),
  dead: z.number(),
  deadBytes: z.number(),
  delivered: z.number(),
  /** Dropped by the bounds of size and age. */
  dropped: z.number(),
  lastDeliveredAt: timeSchema.nullable(),
  lastError: z.string().nullable(),
  nextAttemptAt: timeSchema.nullable(),
  /** Not null: the sink answered 410, and nothing is sent until a replay. */
  disabled: z.object({ reason: z.string(), since: timeSchema }).nullable(),
});
export type LogStatus = z.infer<typeof logStatusSchema>;

export const deadLetterSchema = z.object({
  id: z.string(),
  conversationId: z.string(),
  createdAt: timeSchema,
  attempts: z.number(),
  lastError: z.string().nullable(),
  sizeBytes: z.number(),
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;

export const logRoutes = {
  status: route({
    method: 'GET',
    path: '/api/log',
    summary: 'State of the outbox to LOGGING_URL',
    tag: 'log',
    status: 200,
    response: logStatusSchema,
  }),
  dead: route({
    method: 'GET',
    path: '/api/log/dead',
    summary: 'Events that could not be delivered',
    tag: 'log',
    status: 200,
    query: z.strictObject({ limit: countParameter(1, 200).optional(), cursor: cursorSchema.optional() }),
    response: z.object({ events: z.array(deadLetterSchema), cursor: z.string().nullable() }),
  }),
  replay: route({
    method: 'POST',
    path: '/api/log/replay',
    summary: 'Try dead events again: all, or those named',
    tag: 'log',
    status: 200,
    body: z.strictObject({ ids: z.array(idSchema).min(1).max(1000).optional() }),
    response: z.object({ replayed: z.number() }),
  }),
} as const;
