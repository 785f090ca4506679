import { inspect } from 'node:util';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../contracts/app-error.ts';
import { errorBody, familyOf, pathOf, retryAfterOf, statusFor } from './error-answers.ts';
import { commonHeaders, inertPolicy } from './gates/security-headers.ts';
import { faultOf } from './request-fault.ts';
import type { ServerContext } from './server-context.ts';

function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  { error, mask }: { error: AppError; mask: (text: string) => string },
): void {
  const family = familyOf(request.method, pathOf(request.url));
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== null) void reply.header('retry-after', retryAfter);
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer realm="corral"');
  void reply
    .code(statusFor(family, error))
    .header('content-type', 'application/json; charset=utf-8')
    .header('cache-control', 'no-store')
    .serializer((body) => mask(JSON.stringify(body)))
    .send(errorBody(family, error, request.id));
}

/** Errors in the shape of their family, ids on everything, one line in the log for each request. */
export function registerAnswers(app: FastifyInstance, { log, metrics, mask }: ServerContext): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      ...commonHeaders,
      'content-security-policy': inertPolicy,
      'x-request-id': request.id,
    });
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (reply.getHeader('cache-control') === undefined) void reply.header('cache-control', 'no-store');
    return payload;
  });
  app.addHook('onResponse', async (request, reply) => {
    // The pattern of the route, not the address: an address may hold what somebody searched for.
    const route = request.routeOptions.url ?? 'none';
    const fields = { requestId: request.id, method: request.method, route, status: reply.statusCode };
    metrics.request({ method: request.method, route, status: reply.statusCode, ms: reply.elapsedTime });
    log.info({ ...fields, ms: Math.round(reply.elapsedTime) }, 'request');
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = faultOf(thrown);
    if (error.status >= 500) {
      // Words of other programs may hold an address with a key in it.
      log.error(
        { requestId: request.id, code: error.code, error: mask(inspect(thrown)) },
        'a request failed',
      );
    }
    // A stream that has begun can only be ended.
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    sendError(request, reply, { error, mask });
  });
}

export function notFound(request: FastifyRequest): AppError {
  return new AppError(
    'not-found',
    `there is nothing at ${request.method} ${pathOf(request.url).slice(0, 200)}`,
    {
      hint: '/api/docs lists every address.',
    },
  );
}
