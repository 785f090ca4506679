import type { FastifyInstance } from 'fastify';
import type { ServerContext } from '../server-context.ts';

/** For process managers and Prometheus. Health tells nothing but itself; metrics need the key. */
export function registerOperationRoutes(app: FastifyInstance, context: ServerContext): void {
  app.get('/healthz/live', { schema: { hide: true }, config: { access: 'public' } }, () => ({ live: true }));
  const ready = async () => {
    const { writable } = await context.store.health();
    return !context.isClosing && writable;
  };
  app.get(
    '/healthz/ready',
    { schema: { hide: true }, config: { access: 'public' } },
    async (_request, reply) => {
      const isReady = await ready().catch(() => false);
      return reply.code(isReady ? 200 : 503).send({ ready: isReady });
    },
  );
  app.get('/healthz', { schema: { hide: true }, config: { access: 'public' } }, async (_request, reply) => {
    const isReady = await ready().catch(() => false);
    return reply.code(isReady ? 200 : 503).send({ live: true, ready: isReady });
  });
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-type', context.metrics.contentType).send(await context.metrics.text()),
  );
}
