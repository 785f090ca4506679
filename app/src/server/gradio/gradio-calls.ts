import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../contracts/app-error.ts';
import { promptLimitBytes } from '../limits.ts';
import { goneSignal, ownerOf } from '../serve-route.ts';
import type { ServerContext } from '../server-context.ts';
import { openSse } from '../sse-writer.ts';
import { gradioFunctions, type GradioFunction } from './gradio-api.ts';
import { namedValues } from './gradio-input.ts';
import { warningOf } from './gradio-messages.ts';
import { findFunction, startJob, type JobEvent } from './gradio-queue.ts';

/** The forms for curl: ask with `/call`, read the answer by its id; or `/run` and wait. */

const sessionHash = z.string().regex(/^[\w-]{1,128}$/);
const dataSchema = z.looseObject({ data: z.array(z.unknown()).max(64), session_hash: sessionHash.nullish() });
const keywordSchema = z.looseObject({ session_hash: sessionHash.nullish() });
const nameSchema = z.object({ name: z.string().max(64) });
const eventSchema = z.object({ name: z.string().max(64), id: z.string().regex(/^[0-9a-f]{32}$/) });

type ToldEvent = Exclude<JobEvent, { kind: 'queue' | 'start' }>;

interface CallLog {
  owner: string;
  /** The notes, which come before any text, then the newest of the others: it says all that those before it said. */
  events: ToldEvent[];
  isOver: boolean;
  wake: Set<() => void>;
}

/** How many finished calls wait for somebody to read them, and how long. */
const maxCalls = 1_000;
const keepMs = 5 * 60_000;

interface CallRequest {
  it: GradioFunction;
  values: Record<string, unknown>;
  hash: string | null | undefined;
}

function append(log: CallLog, event: JobEvent): void {
  if (event.kind === 'queue' || event.kind === 'start') return;
  if (log.events.at(-1)?.kind === 'text') log.events.pop();
  log.events.push(event);
  log.isOver = event.kind === 'done' || event.kind === 'failed';
  for (const wake of log.wake) wake();
}

function startCall(
  context: ServerContext,
  calls: Map<string, CallLog>,
  request: FastifyRequest,
  call: CallRequest,
) {
  const owner = ownerOf(request);
  const oldest = calls.keys().next().value;
  if (calls.size >= maxCalls && oldest !== undefined) calls.delete(oldest);
  const session = context.gradio.of(owner, call.hash ?? null);
  const log: CallLog = { owner, events: [], isOver: false, wake: new Set() };
  const { id, over } = startJob(context, {
    owner,
    session,
    it: call.it,
    reader: 'call',
    values: call.values,
    say: (event) => append(log, event),
  });
  calls.set(id, log);
  void over.then(() => setTimeout(() => calls.delete(id), keepMs).unref());
  return { event_id: id };
}

const eventNames = { text: 'generating', done: 'complete', failed: 'error', note: 'log' } as const;

function dataOf(it: GradioFunction, event: ToldEvent): unknown {
  if (event.kind === 'note') return warningOf(event.message);
  if (event.kind === 'failed') return { error: event.error.message };
  return it.hasAnswer ? [event.text] : [];
}

function block(it: GradioFunction, event: ToldEvent): string {
  return `event: ${eventNames[event.kind]}\ndata: ${JSON.stringify(dataOf(it, event))}\n\n`;
}

async function readCall(log: CallLog, it: GradioFunction, reply: FastifyReply): Promise<void> {
  reply.hijack();
  const writer = openSse(reply.raw, { heartbeat: 'event: heartbeat\ndata: null\n\n' });
  let at = 0;
  let sent: ToldEvent | undefined;
  for (;;) {
    const event = log.events[at];
    if (event !== undefined && event !== sent) {
      sent = event;
      if (event.kind === 'note') at++;
      if (!(await writer.write(block(it, event)))) return;
      continue;
    }
    if (log.isOver || writer.gone.aborted) break;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        log.wake.delete(wake);
        resolve();
      };
      log.wake.add(wake);
      writer.gone.addEventListener('abort', wake, { once: true });
    });
  }
  writer.end();
}

/** Also where the client is gone already. */
function whenGone(reply: FastifyReply, stop: () => void): void {
  const gone = goneSignal(reply);
  if (gone.aborted) stop();
  else gone.addEventListener('abort', stop, { once: true });
}

/** Waits for the whole answer; a client that goes away stops it. */
async function runCall(
  context: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const { data, session_hash: hash } = request.body as z.infer<typeof dataSchema>;
  const it = findFunction(gradioFunctions, (request.params as { name: string }).name);
  const owner = ownerOf(request);
  const session = context.gradio.of(owner, hash ?? null);
  let last: JobEvent | undefined;
  let warning: object | undefined;
  const { id, over } = startJob(context, {
    owner,
    session,
    it,
    reader: 'call',
    values: namedValues(it, data),
    say: (event) => {
      last = event;
      if (event.kind === 'note') warning = warningOf(event.message);
    },
  });
  whenGone(reply, () => session.jobs.get(id)?.stop.abort());
  await over;
  if (last?.kind === 'failed') throw last.error;
  const seconds = last?.kind === 'done' ? last.seconds : 0;
  const answer = last?.kind === 'done' && it.hasAnswer ? [last.text] : [];
  return {
    data: [...answer, ...(it.hasState ? [null] : [])],
    is_generating: false,
    duration: seconds,
    average_duration: seconds,
    ...(warning === undefined ? {} : { log: warning }),
  };
}

export function registerGradioCalls(app: FastifyInstance, context: ServerContext): void {
  const calls = new Map<string, CallLog>();
  const prefix = '/gradio_api';
  const nameOf = (request: FastifyRequest) => (request.params as { name: string }).name;
  const options = (summary: string, schema: object) => ({
    bodyLimit: promptLimitBytes,
    schema: { summary, tags: ['gradio'], ...schema },
  });
  app.post(`${prefix}/call/:name`, {
    ...options('Gradio: ask from a script', { params: nameSchema, body: dataSchema }),
    handler: (request) => {
      const { data, session_hash: hash } = request.body as z.infer<typeof dataSchema>;
      const it = findFunction(gradioFunctions, nameOf(request));
      return startCall(context, calls, request, { it, values: namedValues(it, data), hash });
    },
  });
  app.post(`${prefix}/call/v2/:name`, {
    ...options('Gradio: ask from a script, by keywords', { params: nameSchema, body: keywordSchema }),
    handler: (request) => {
      const { session_hash: hash, ...values } = request.body as z.infer<typeof keywordSchema>;
      return startCall(context, calls, request, {
        it: findFunction(gradioFunctions, nameOf(request)),
        values,
        hash,
      });
    },
  });
  const read = async (request: FastifyRequest, reply: FastifyReply) => {
    const { id, name } = request.params as z.infer<typeof eventSchema>;
    const log = calls.get(id);
    if (log?.owner !== ownerOf(request)) throw new AppError('not-found', 'there is no such call');
    await readCall(log, findFunction(gradioFunctions, name), reply);
  };
  for (const path of [`${prefix}/call/:name/:id`, `${prefix}/call/v2/:name/:id`]) {
    app.get(path, { ...options('Gradio: the answer of a call', { params: eventSchema }), handler: read });
  }
  app.post(`${prefix}/run/:name`, {
    ...options('Gradio: ask and wait', { params: nameSchema, body: dataSchema }),
    handler: (request, reply) => runCall(context, request, reply),
  });
}
