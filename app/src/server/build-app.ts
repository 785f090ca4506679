import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import { uuidv7 } from 'uuidv7';
import { AppError } from '../contracts/app-error.ts';
import { certificateOf } from './certificate.ts';
import { errorBody, familyOf, pathOf, statusFor } from './error-answers.ts';
import { wrongForm } from './gates/request-form.ts';
import { commonHeaders, inertPolicy } from './gates/security-headers.ts';
import { defaultJsonLimits, parseJsonBody } from './json-body.ts';
import {
  headerLimitBytes,
  headersTimeoutMs,
  jsonLimitBytes,
  keepAliveTimeoutMs,
  maxConnections,
  maxParameterLength,
  requestTimeoutMs,
} from './limits.ts';
import { compileCheck } from './request-fault.ts';
import { registerAnswers } from './answers.ts';
import { registerGates } from './register-gates.ts';
import { registerRoutes } from './register-routes.ts';
import type { ServerContext } from './server-context.ts';

// An `import` would read every name these modules have, and one of them loads Node's fetch: 70 ms of the start.
const { createServer: createHttpServer } = process.getBuiltinModule('node:http');
const { createServer: createHttpsServer } = process.getBuiltinModule('node:https');

const nodeOptions = {
  maxHeaderSize: headerLimitBytes,
  headersTimeout: headersTimeoutMs,
  requestTimeout: requestTimeoutMs,
  keepAliveTimeout: keepAliveTimeoutMs,
  connectionsCheckingInterval: 2_000,
  insecureHTTPParser: false,
  requireHostHeader: true,
};

/** Answers before routing: nothing of the request but its head was read. */
function refuseEarly(request: IncomingMessage, response: ServerResponse, error: AppError): void {
  const family = familyOf(request.method ?? 'GET', pathOf(request.url ?? '/'));
  const requestId = uuidv7();
  const body = JSON.stringify(errorBody(family, error, requestId));
  response.writeHead(statusFor(family, error), {
    ...commonHeaders,
    'content-security-policy': inertPolicy,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-request-id': requestId,
    connection: 'close',
  });
  response.end(body);
}

/** S1 and the form of the request, in front of everything: static files, streams and addresses that do not exist. */
function guarded(context: ServerContext, handler: RequestListener): RequestListener {
  return (request, response) => {
    const onceOpen = async (): Promise<void> => {
      await context.opening;
      // Whoever waited and left gets no work done: the end of the connection, which ends a stream, was told already.
      if (!request.socket.destroyed) handler(request, response);
    };
    const wrong = wrongForm(request);
    if (wrong !== null) return refuseEarly(request, response, new AppError('bad-request', wrong));
    if (!context.hostGate.allows(request.headers.host)) {
      return refuseEarly(
        request,
        response,
        new AppError('host-refused', 'this server is not called by that name', {
          hint: 'Add the name to CORRAL_ALLOWED_HOSTS if it is yours.',
        }),
      );
    }
    if (context.isClosing) {
      return refuseEarly(request, response, new AppError('shutting-down', 'the server is stopping'));
    }
    void onceOpen();
  };
}

/** Every address with who may ask; the matrix of tests is made from it. */
function collectRoutes(app: FastifyInstance, { routes }: ServerContext): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of [method].flat()) routes.push({ method: one, url, access: config?.access ?? 'key' });
  });
}

/**
 * What needs no key answers HEAD as it answers GET: many monitors ask for health that way. The other routes do not, since
 * behind some of them a stream would begin.
 */
function answerHead(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.method === 'GET' && route.config?.access === 'public') app.route({ ...route, method: 'HEAD' });
  });
}

export async function buildApp(context: ServerContext): Promise<FastifyInstance> {
  const { config } = context;
  const certificate = config.https ? await certificateOf(config) : null;
  const app: FastifyInstance = fastify({
    serverFactory: (handler) => {
      const listener = guarded(context, handler);
      const server = certificate
        ? createHttpsServer({ ...nodeOptions, ...certificate }, listener)
        : createHttpServer(nodeOptions, listener);
      server.maxConnections = maxConnections;
      // Fastify sets its own afterwards, so these are set again when it listens.
      server.on('listening', () => Object.assign(server, nodeOptions));
      return server;
    },
    bodyLimit: jsonLimitBytes,
    routerOptions: { maxParamLength: maxParameterLength, ignoreTrailingSlash: false },
    exposeHeadRoutes: false,
    logger: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    genReqId: () => uuidv7(),
  });
  app.setValidatorCompiler(compileCheck);
  app.setSerializerCompiler(serializerCompiler);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, ({ routeOptions }, bytes, done) => {
    try {
      done(null, parseJsonBody(bytes as Buffer, routeOptions.config.jsonLimits ?? defaultJsonLimits));
    } catch (error) {
      done(error as Error);
    }
  });
  collectRoutes(app, context);
  answerHead(app);
  registerAnswers(app, context);
  registerGates(app, context);
  await registerRoutes(app, context);
  return app;
}
