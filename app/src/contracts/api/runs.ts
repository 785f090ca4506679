import { z } from 'zod';
import { chatSettingsSchema, idSchema, maxMessageCharacters, maxTargets } from '../chats.ts';
import { contextPlanSchema, receiptSchema, runSchema } from '../runs.ts';
import { byIdSchema, flagParameter, idempotentHeaders, route } from './route.ts';

/** What the answer is to. */
const runInputSchema = z.discriminatedUnion('kind', [
  /** A new message of the person after `parentId`; absent: after the shown branch's last; null: as a first message. */
  z.strictObject({
    kind: z.literal('message'),
    content: z.string().min(1).max(maxMessageCharacters),
    parentId: idSchema.nullable().optional(),
  }),
  /** Another wording of a message of the person, as its sibling, answered. */
  z.strictObject({
    kind: z.literal('edit'),
    messageId: idSchema,
    content: z.string().min(1).max(maxMessageCharacters),
  }),
  /** Another answer beside the one named. */
  z.strictObject({ kind: z.literal('regenerate'), messageId: idSchema }),
  /** Go on writing a stopped or cut answer. */
  z.strictObject({ kind: z.literal('continue'), messageId: idSchema }),
  /** Answer a message of the person that has no answer yet. */
  z.strictObject({ kind: z.literal('answer'), messageId: idSchema }),
]);

export const startRunSchema = z.strictObject({
  input: runInputSchema,
  /** For this answer only; a chat keeps its own. */
  settings: chatSettingsSchema.optional(),
  /** Side by side: one answer for each, as sibling branches. Excludes `settings`. */
  targets: z.array(chatSettingsSchema).min(1).max(maxTargets).optional(),
});
export type StartRun = z.infer<typeof startRunSchema>;

export const startedRunSchema = z.object({
  /** The first of `runs`. */
  runId: z.string(),
  /** The answer's id: its text starts empty and grows. */
  messageId: z.string(),
  /** The person's message that it answers. */
  parentId: z.string().nullable(),
  runs: z.array(runSchema),
});
export type StartedRun = z.infer<typeof startedRunSchema>;

const tag = 'runs';
/** A message of the greatest length, each character escaped. */
const messageBodyLimitBytes = 26 * 1024 * 1024;

const counting = {
  body: z.strictObject({
    content: z.string().max(maxMessageCharacters),
    settings: chatSettingsSchema.optional(),
  }),
  response: z.object({ tokens: z.number(), exact: z.boolean(), plan: contextPlanSchema.nullable() }),
  bodyLimitBytes: messageBodyLimitBytes,
};

export const runRoutes = {
  start: route({
    method: 'POST',
    path: '/api/chats/:id/runs',
    summary: 'Ask for an answer; message and run are on disk before the 202',
    tag,
    status: 202,
    params: byIdSchema,
    headers: idempotentHeaders,
    body: startRunSchema,
    response: startedRunSchema,
    bodyLimitBytes: messageBodyLimitBytes,
  }),
  list: route({
    method: 'GET',
    path: '/api/runs',
    summary: 'Runs that are being answered now (`active=1`, the default)',
    tag,
    status: 200,
    query: z.strictObject({ active: flagParameter.optional() }),
    response: z.object({ runs: z.array(runSchema) }),
  }),
  show: route({
    method: 'GET',
    path: '/api/runs/:id',
    summary: 'One run',
    tag,
    status: 200,
    params: byIdSchema,
    response: runSchema,
  }),
  stop: route({
    method: 'DELETE',
    path: '/api/runs/:id',
    summary: 'Stop; the text so far is kept',
    tag,
    status: 204,
    params: byIdSchema,
  }),
  count: route({
    method: 'POST',
    path: '/api/chats/:id/count',
    summary: 'Tokens of a draft with the model that would answer it, and the plan it would lead to',
    tag,
    status: 200,
    params: byIdSchema,
    ...counting,
  }),
  countNew: route({
    method: 'POST',
    path: '/api/count',
    summary: 'The same for the first message of a chat that is not there yet',
    tag,
    status: 200,
    ...counting,
  }),
  receipt: route({
    method: 'GET',
    path: '/api/runs/:id/receipt',
    summary: 'How an answer came about, as JSON to keep',
    tag: 'receipts',
    status: 200,
    params: byIdSchema,
    response: receiptSchema,
  }),
  prompt: route({
    method: 'GET',
    path: '/api/runs/:id/prompt',
    summary: 'The exact prompt of an answer, rendered again and checked against its receipt',
    tag: 'receipts',
    status: 200,
    params: byIdSchema,
    response: z.object({
      text: z.string(),
      tokenIds: z.array(z.number()),
      idsHash: z.string(),
      /** Null where the receipt holds no hash. */
      matches: z.boolean().nullable(),
    }),
  }),
  replay: route({
    method: 'POST',
    path: '/api/runs/:id/replay',
    summary: 'Run a receipt again and show the first difference; nothing is kept',
    tag: 'receipts',
    status: 200,
    params: byIdSchema,
    response: z.object({
      identical: z.boolean(),
      original: z.string(),
      text: z.string(),
      /** UTF-16 offset of the first difference. */
      firstDifference: z.number().nullable(),
      /** What differs from the receipt beside the text: model hash, engine release, prompt. */
      changed: z.array(z.string()),
    }),
  }),
} as const;
