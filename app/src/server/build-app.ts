import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import { uuidv7 } from 'uuidv7';
import { AppError } from '../contracts/app-error.ts';
import { certificateOf, type Certificate } from './certificate.ts';
import { createEarlyAnswers, type EarlyAnswers } from './early-answers.ts';
import { watchBody } from './gates/body-deadline.ts';
import { wrongForm } from './gates/request-form.ts';
import { defaultJsonLimits, parseJsonBody } from './json-body.ts';
import {
  headerLimitBytes,
  headersTimeoutMs,
  jsonLimitBytes,
  keepAliveTimeoutMs,
  maxConnections,
  maxParameterLength,
} from './limits.ts';
import { compileCheck } from './request-fault.ts';
import { registerAnswers } from './answers.ts';
import { registerGates } from './register-gates.ts';
import { registerRoutes } from './register-routes.ts';
import { renewCertificate } from './renew-certificate.ts';
import type { ServerContext } from './server-context.ts';

// An `import` would read every name these modules have, and one of them loads Node's fetch: 70 ms of the start.
const { createServer: createHttpServer } = process.getBuiltinModule('node:http');
const { createServer: createHttpsServer } = process.getBuiltinModule('node:https');

const nodeOptions = {
  maxHeaderSize: headerLimitBytes,
  headersTimeout: headersTimeoutMs,
  // Bodies have a limit of their own: see body-deadline.ts.
  requestTimeout: 0,
  keepAliveTimeout: keepAliveTimeoutMs,
  connectionsCheckingInterval: 2_000,
  insecureHTTPParser: false,
  requireHostHeader: true,
};

/** A request whose body is missing, whether it was answered meanwhile or not. */
function endLate(early: EarlyAnswers, request: IncomingMessage, response: ServerResponse): void {
  // All of it is here, whoever has still to read it.
  if (request.complete) return;
  if (response.headersSent) return void request.destroy();
  const error = new AppError('timed-out', 'the body of the request did not come in time');
  early.refuse(request, response, { error, status: 408, isToldElsewhere: true });
}

/** An address that the router cannot read. */
function unreadable({ code }: FastifyError): { error: AppError; status?: number } {
  if (code === 'FST_ERR_MAX_PARAM_LENGTH')
    return { error: new AppError('bad-request', 'a part of the address is too long'), status: 414 };
  return { error: new AppError('bad-request', 'the address is not coded as addresses are') };
}

/** S1, the form of the request and the server's own state. */
function faultOfHead(context: ServerContext, request: IncomingMessage): AppError | null {
  const wrong = wrongForm(request);
  if (wrong !== null) return new AppError('bad-request', wrong);
  if (!context.hostGate.allows(request.headers.host)) {
    return new AppError('host-refused', 'this server is not called by that name', {
      hint: 'Add the name to CORRAL_ALLOWED_HOSTS if it is yours.',
    });
  }
  return context.isClosing ? new AppError('shutting-down', 'the server is stopping') : null;
}

/** In front of everything: static files, streams and addresses that do not exist. */
function guarded(context: ServerContext, early: EarlyAnswers, handler: RequestListener): RequestListener {
  return (request, response) => {
    const onceOpen = async (): Promise<void> => {
      await context.opening;
      // Whoever waited and left gets no work done: the end of the connection, which ends a stream, was told already.
      if (!request.socket.destroyed) handler(request, response);
    };
    const error = faultOfHead(context, request);
    if (error !== null) return early.refuse(request, response, { error });
    watchBody(request, () => endLate(early, request, response));
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

function createSecureServer(
  context: ServerContext,
  certificate: Certificate,
  listener: RequestListener,
): Server {
  const server = createHttpsServer({ ...nodeOptions, ...certificate }, listener);
  server.once('listening', () => server.once('close', renewCertificate(server, certificate, context)));
  return server;
}

export async function buildApp(context: ServerContext): Promise<FastifyInstance> {
  const { config } = context;
  const certificate = config.https ? await certificateOf(config) : null;
  const early = createEarlyAnswers(context);
  const app: FastifyInstance = fastify({
    serverFactory: (handler) => {
      const listener = guarded(context, early, handler);
      const server = certificate
        ? createSecureServer(context, certificate, listener)
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
    clientErrorHandler: (error, socket) => early.refuseBytes(error, socket),
    frameworkErrors: (error, request, reply) => early.refuse(request.raw, reply.raw, unreadable(error)),
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
