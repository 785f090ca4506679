import { z } from 'zod';
import { idSchema } from '../chats.ts';
import type { RunEvent } from '../runs.ts';
import { jobSchema } from './jobs.ts';
import { byIdSchema, countParameter, errorBodySchema, route } from './route.ts';

export const tokenLogprobSchema = z.object({
  id: z.number(),
  text: z.string(),
  bytes: z.array(z.number()),
  logprob: z.number(),
  top: z.array(
    z.object({ id: z.number(), text: z.string(), bytes: z.array(z.number()), logprob: z.number() }),
  ),
});

/** What a tab is told beside its runs. */
export const noticeSchema = z.discriminatedUnion('type', [
  /** First event of every stream. Another `bootId` than before: watch the runs again and load the lists again. */
  z.object({ type: z.literal('hello'), streamId: z.string(), bootId: z.string(), pageVersion: z.string() }),
  z.object({
    type: z.literal('chat-changed'),
    chatId: z.string(),
    /** Null when the chat is gone. */
    version: z.number().nullable(),
    change: z.enum(['created', 'updated', 'messages', 'trashed', 'restored', 'erased']),
  }),
  z.object({
    type: z.literal('run-changed'),
    runId: z.string(),
    chatId: z.string(),
    messageId: z.string(),
    state: z.enum(['active', 'ended']),
  }),
  z.object({ type: z.literal('job-changed'), job: jobSchema }),
  z.object({ type: z.literal('models-changed') }),
  z.object({ type: z.literal('preferences-changed') }),
  z.object({ type: z.literal('log-changed') }),
  /** A backup took the place of everything: all that is known is to be loaded again. */
  z.object({ type: z.literal('restored') }),
  /** This run is not watched any more: it is unknown, or its journal is gone; load the message instead. */
  z.object({ type: z.literal('unwatched'), runId: z.string(), error: errorBodySchema }),
  /** The server stops; runs go on when it is back. */
  z.object({ type: z.literal('closing') }),
]);
export type Notice = z.infer<typeof noticeSchema>;

/**
 * The `data:` line of every event. Runs of a stream are told apart by `runId`; comment lines (`: hb`) every 15 s mean
 * that the connection lives. Text comes at most every 40 ms for each run.
 */
export type StreamEvent = RunEvent | Notice;

const watchParams = z.strictObject({ id: idSchema, runId: idSchema });
const watchQuery = z.strictObject({
  from: countParameter(0, 100_000_000).optional(),
  /** Epoch in which `from` was seen; an older one is answered with a `cut` back to what is durable. */
  epoch: countParameter(0, 1_000_000).optional(),
});

const tag = 'streams';

export const streamRoutes = {
  open: route({
    method: 'POST',
    path: '/api/streams',
    summary:
      'Make the stream of a tab; it waits 60 s for its reader and keeps its watches while the reader is away',
    tag,
    status: 201,
    response: z.object({ streamId: z.string() }),
  }),
  read: route({
    method: 'GET',
    path: '/api/streams/:id',
    summary: 'Server-sent events of all runs that the tab watches, and notices',
    tag,
    status: 200,
    params: byIdSchema,
    produces: 'text/event-stream',
  }),
  watch: route({
    method: 'PUT',
    path: '/api/streams/:id/runs/:runId',
    summary: 'Watch a run in this stream from an offset of its message',
    tag,
    status: 204,
    params: watchParams,
    query: watchQuery,
  }),
  unwatch: route({
    method: 'DELETE',
    path: '/api/streams/:id/runs/:runId',
    summary: 'Stop watching; the run goes on',
    tag,
    status: 204,
    params: watchParams,
    query: watchQuery,
  }),
  close: route({
    method: 'DELETE',
    path: '/api/streams/:id',
    summary: 'Close the stream of a tab',
    tag,
    status: 204,
    params: byIdSchema,
  }),
  events: route({
    method: 'GET',
    path: '/api/runs/:id/events',
    summary: 'Server-sent events of one run, for scripts; ends after `end`',
    tag: 'runs',
    status: 200,
    params: byIdSchema,
    query: watchQuery,
    produces: 'text/event-stream',
  }),
} as const;
