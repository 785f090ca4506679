import { randomInt } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../contracts/app-error.ts';
import { promptLimitBytes } from '../limits.ts';
import { ownerOf } from '../serve-route.ts';
import type { ServerContext } from '../server-context.ts';
import { dataBlock, openSse, type SseWriter } from '../sse-writer.ts';
import { gradioConfig, gradioFunctions, gradioInfo } from './gradio-api.ts';
import { registerGradioCalls } from './gradio-calls.ts';
import { namedValues } from './gradio-input.ts';
import { createMessageWriter } from './gradio-messages.ts';
import { startJob } from './gradio-queue.ts';
import { awaitedJobs, type GradioSession } from './gradio-sessions.ts';

export const sessionHashSchema = z.string().regex(/^[\w-]{1,128}$/);

const joinSchema = z.looseObject({
  data: z.array(z.unknown()).max(64),
  fn_index: z.int().min(0).max(1000),
  session_hash: sessionHashSchema,
});

/** Clients send the hash of their session, too, or leave it out. */
const cancelSchema = z.looseObject({ event_id: z.string().max(64).nullish() });

/** Messages kept for a reader that has not come yet; more of them mean that nobody will. */
const maxUnread = 10_000;
/** A reader that went away may come back for its answer within this time. */
const returnMs = 10_000;

function deliver(session: GradioSession, block: string): void {
  if (session.writer) void session.writer.write(block);
  else if (session.unread.length < maxUnread) session.unread.push(block);
}

/**
 * A stream ends when nothing is pending that it tells of. That is said to whoever reads and never kept: it would end
 * the stream of the next question.
 */
function closeIfIdle(session: GradioSession): void {
  if (session.writer === null || awaitedJobs(session).length > 0) return;
  deliver(session, dataBlock({ msg: 'close_stream', event_id: null }));
  session.writer.end();
}

function join(context: ServerContext, request: FastifyRequest): { event_id: string } {
  const { data, fn_index: index, session_hash: hash } = request.body as z.infer<typeof joinSchema>;
  const it = gradioFunctions.find(({ id }) => id === index);
  if (it === undefined) {
    throw new AppError('not-found', `there is no function ${index}`, { details: { field: 'fn_index' } });
  }
  const owner = ownerOf(request);
  const session = context.gradio.of(owner, hash);
  let eventId = '';
  const early: object[] = [];
  const write = createMessageWriter(it, () => eventId);
  const send = (message: object): void => deliver(session, dataBlock(message));
  const { id, over } = startJob(context, {
    owner,
    session,
    it,
    reader: 'queue',
    values: namedValues(it, data),
    say: (event) => {
      const messages = write(event);
      // The very first event comes before the id is known.
      if (eventId === '') early.push(...messages);
      else messages.forEach(send);
    },
  });
  eventId = id;
  early.forEach((message) => send({ ...message, event_id: id }));
  void over.then(() => closeIfIdle(session));
  return { event_id: id };
}

async function readQueue(
  context: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { session_hash: hash } = request.query as { session_hash: string };
  const session = context.gradio.of(ownerOf(request), hash);
  clearTimeout(session.patience);
  reply.hijack();
  const writer = openSse(reply.raw, { heartbeat: dataBlock({ msg: 'heartbeat' }) });
  // Until all is read that waits, what is new waits behind it.
  while (session.unread.length > 0 && !writer.gone.aborted) await writer.write(session.unread.shift() ?? '');
  if (writer.gone.aborted) return leave(session, writer);
  const before = session.writer;
  session.writer = writer;
  before?.end();
  writer.gone.addEventListener('abort', () => leave(session, writer), { once: true });
  closeIfIdle(session);
}

/** Stops what the reader was waiting for unless somebody reads again in time; what is asked later is not its. */
function leave(session: GradioSession, writer: SseWriter): void {
  if (session.writer === writer) session.writer = null;
  const awaited = awaitedJobs(session);
  if (session.writer !== null || awaited.length === 0) return;
  clearTimeout(session.patience);
  session.patience = setTimeout(() => {
    for (const { stop } of awaited) stop.abort();
  }, returnMs);
  session.patience.unref();
}

/** Tells whether there was anything to stop. */
function cancel({ gradio }: ServerContext, request: FastifyRequest): { success: boolean } {
  const { event_id: id } = request.body as z.infer<typeof cancelSchema>;
  const job = id ? gradio.findJob(ownerOf(request), id) : null;
  if (job === null || job.isOver) return { success: false };
  job.stop.abort();
  return { success: true };
}

export function registerGradio(app: FastifyInstance, context: ServerContext): void {
  const { title, description } = context.config;
  const config = gradioConfig({ title, description, appId: randomInt(2 ** 40) });
  const prefix = '/gradio_api';
  const described = (summary: string, more: object = {}) => ({ summary, tags: ['gradio'], ...more });
  app.get('/config', { schema: described('Gradio: the interface') }, () => config);
  app.get(`${prefix}/info`, { schema: described('Gradio: functions and their parameters') }, gradioInfo);
  app.get(`${prefix}/startup-events`, { schema: described('Gradio: nothing to wait for') }, () => true);
  app.get(`${prefix}/app_id`, { schema: described('Gradio: which start of the server') }, () => ({
    app_id: (config as { app_id: number }).app_id,
  }));
  app.post(`${prefix}/queue/join`, {
    bodyLimit: promptLimitBytes,
    schema: described('Gradio: ask in a session', { body: joinSchema }),
    handler: (request) => join(context, request),
  });
  app.get(`${prefix}/queue/data`, {
    schema: described('Gradio: the answers of a session', {
      querystring: z.looseObject({ session_hash: sessionHashSchema }),
    }),
    handler: (request, reply) => readQueue(context, request, reply),
  });
  app.get(`${prefix}/heartbeat/:hash`, {
    schema: described('Gradio: a sign of life', { params: z.object({ hash: sessionHashSchema }) }),
    handler: async (_request, reply) => {
      reply.hijack();
      const writer = openSse(reply.raw, { heartbeat: 'data: ALIVE\n\n' });
      await writer.write('data: ALIVE\n\n');
    },
  });
  for (const path of [`${prefix}/cancel`, `${prefix}/reset`]) {
    app.post(path, {
      schema: described('Gradio: stop an answer, keeping its text', { body: cancelSchema }),
      handler: (request) => cancel(context, request),
    });
  }
  registerGradioCalls(app, context);
}
