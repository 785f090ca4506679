import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { pathOf } from './error-answers.ts';
import { checkOrigin } from './gates/origin-gate.ts';
import { isForAnyOrigin } from './gates/security-headers.ts';
import { questionOf } from './serve-route.ts';
import type { ServerContext } from './server-context.ts';
import { isInsidePage } from './static-page.ts';

const apiPrefixes = ['/api/', '/v1/', '/gradio_api/'];
const apiPaths = new Set(['/config', '/info', '/generate', '/generate_stream', '/tokenize', '/metrics']);

function isApi(path: string): boolean {
  return apiPaths.has(path) || apiPrefixes.some((prefix) => path.startsWith(prefix));
}

/** As the router reads it: `/%61pi/chats` is `/api/chats`. */
function routedPath(url: string): string {
  try {
    return decodeURI(pathOf(url));
  } catch {
    return pathOf(url);
  }
}

/** S2 and the key, in this order, before any body is read. */
export function registerGates(app: FastifyInstance, context: ServerContext): void {
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { headers } = request.raw;
    const path = routedPath(request.url);
    if (request.method !== 'GET' || !isForAnyOrigin(path))
      checkOrigin({ method: request.method, headers, isApi: isApi(path) });
    if (request.routeOptions.config.access === 'public' || isInsidePage(request)) return;
    const principal = context.access.whoIsAsking(questionOf(request));
    request.principal = principal;
    if (principal.session !== null) context.sessionAnswers.hold(principal.session, reply.raw);
  });
}
