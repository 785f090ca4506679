import type { FastifyInstance } from 'fastify';
import { runRoutes } from '../../contracts/api/runs.ts';
import { streamRoutes } from '../../contracts/api/streams.ts';
import { AppError } from '../../contracts/app-error.ts';
import { offsetAfter, piecesOf } from '../run-blocks.ts';
import type { ServerContext } from '../server-context.ts';
import { serveRoute } from '../serve-route.ts';
import { dataBlock, openSse } from '../sse-writer.ts';
import { faultOf } from '../request-fault.ts';
import { withoutUndefined } from './request-values.ts';

const listLimit = 500;

function callRoutes(app: FastifyInstance, { chats }: ServerContext): void {
  serveRoute(app, runRoutes.start, async ({ owner, params, body, headers, reply }) => {
    const key = headers['idempotency-key'];
    const { runs, parentId } = await chats.run(
      owner,
      params.id,
      withoutUndefined({ ...body, input: withoutUndefined(body.input) }),
      key === undefined ? {} : { idempotencyKey: key },
    );
    const [first] = runs;
    if (first === undefined) throw new AppError('internal', 'a run was accepted but not made');
    void reply.header('location', `/api/runs/${first.id}`);
    return { runId: first.id, messageId: first.messageId, parentId, runs };
  });
  serveRoute(app, runRoutes.list, async ({ owner, query }) => ({
    runs: await chats.listRuns(owner, { active: query.active ?? true, limit: listLimit }),
  }));
  serveRoute(app, runRoutes.show, ({ owner, params }) => chats.getRun(owner, params.id));
  serveRoute(app, runRoutes.stop, async ({ owner, params }) => {
    await chats.stop(owner, params.id);
  });
  serveRoute(app, runRoutes.count, ({ owner, params, body, signal }) =>
    chats.plan(owner, params.id, withoutUndefined(body), signal),
  );
  serveRoute(app, runRoutes.countNew, ({ owner, body, signal }) =>
    chats.plan(owner, null, withoutUndefined(body), signal),
  );
}

function receiptRoutes(app: FastifyInstance, { chats }: ServerContext): void {
  serveRoute(app, runRoutes.receipt, ({ owner, params }) => chats.receipt(owner, params.id));
  serveRoute(app, runRoutes.prompt, ({ owner, params, signal }) => chats.prompt(owner, params.id, signal));
  serveRoute(app, runRoutes.replay, ({ owner, params, signal }) => chats.replay(owner, params.id, signal));
}

/** `Last-Event-ID: EPOCH.OFFSET`, as a client that reconnects by itself sends it. */
function lastEvent(header: string | string[] | undefined): { from: number; epoch: number } | null {
  const match = /^(\d{1,9})\.(\d{1,12})$/.exec(String(header ?? ''));
  return match ? { epoch: Number(match[1]), from: Number(match[2]) } : null;
}

function eventRoutes(app: FastifyInstance, { chats }: ServerContext): void {
  serveRoute(app, streamRoutes.events, async ({ owner, params, query, request, reply }) => {
    await chats.getRun(owner, params.id);
    const start = lastEvent(request.raw.headers['last-event-id']) ?? {
      from: query.from ?? 0,
      ...withoutUndefined({ epoch: query.epoch }),
    };
    reply.hijack();
    const writer = openSse(reply.raw, { headers: { 'x-request-id': request.id } });
    let offset = start.from;
    try {
      for await (const event of chats.watch(owner, params.id, { ...start, signal: writer.gone })) {
        for (const piece of piecesOf(event)) {
          offset = offsetAfter(piece) ?? offset;
          const head = `id: ${piece.epoch}.${offset}\nevent: ${piece.type}\n`;
          if (!(await writer.write(head + dataBlock(piece)))) return undefined;
        }
      }
    } catch (error) {
      await writer.write(`event: error\n${dataBlock({ error: faultOf(error).toJSON() })}`);
    }
    writer.end();
    return undefined;
  });
}

function streamRoutesOf(app: FastifyInstance, { streams }: ServerContext): void {
  serveRoute(app, streamRoutes.open, ({ owner, reply }) => {
    const streamId = streams.open(owner);
    void reply.header('location', `/api/streams/${streamId}`);
    return { streamId };
  });
  serveRoute(app, streamRoutes.read, async ({ owner, params, request, reply }) => {
    streams.check(owner, params.id);
    reply.hijack();
    const writer = openSse(reply.raw, { headers: { 'x-request-id': request.id } });
    await streams.attach(owner, params.id, writer);
    return undefined;
  });
  serveRoute(app, streamRoutes.watch, ({ owner, params, query }) => {
    const { from = 0, epoch } = query;
    streams.watch(owner, params.id, withoutUndefined({ runId: params.runId, from, epoch }));
  });
  serveRoute(app, streamRoutes.unwatch, ({ owner, params }) =>
    streams.unwatch(owner, params.id, params.runId),
  );
  serveRoute(app, streamRoutes.close, ({ owner, params }) => streams.close(owner, params.id));
}

export function registerRunRoutes(app: FastifyInstance, context: ServerContext): void {
  callRoutes(app, context);
  receiptRoutes(app, context);
  eventRoutes(app, context);
  streamRoutesOf(app, context);
}
