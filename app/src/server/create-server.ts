import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer as createProbe } from 'node:net';
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../contracts/app-error.ts';
import { buildApp } from './build-app.ts';
import { isLoopback } from './gates/host-gate.ts';
import { refuseOpenServer } from './gates/access.ts';
import { closeTimeoutMs, drainTimeoutMs } from './limits.ts';
import { forwardNotices } from './notices.ts';
import type { ServedRoute, ServerContext, ServerOptions } from './server-context.ts';
import { createServerContext } from './server-context.ts';
import { askingCommand } from './serve-route.ts';

export interface CorralServer {
  /** Where the page answers; null until it listens. */
  readonly address: string | null;
  /** Every address that is served, with who may ask. */
  readonly routes: readonly ServedRoute[];
  /**
   * Throws `port-in-use`, and `config-invalid` for an open address without a key. What must be done before anybody may
   * ask is begun once the address is ours; whoever asks meanwhile waits for it.
   */
  listen(prepare?: () => Promise<void>): Promise<string>;
  /** One exchange without a socket, for commands while no server runs. Gates of the network are not asked. */
  handle(
    method: string,
    path: string,
    request: { headers: Record<string, string>; body?: string; signal?: AbortSignal },
  ): Promise<{ status: number; body: AsyncIterable<Uint8Array> }>;
  /** Refuses new requests, lets short ones end, leaves runs to the next start; resolves within 20 s. */
  close(): Promise<void>;
}

/** A port that nothing listens on just now, to offer instead. */
async function freePort(host: string): Promise<number> {
  const probe = createProbe().listen(0, host);
  await once(probe, 'listening');
  const bound = probe.address();
  probe.close();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

async function listenFault(error: unknown, host: string, port: number): Promise<AppError> {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'EADDRINUSE') {
    return new AppError('port-in-use', `something else listens on ${host}:${port} already`, {
      hint: `Stop it, or choose another port: npm start -- --port ${await freePort(host)}, or PORT in .env.`,
      cause: error,
    });
  }
  if (code === 'EACCES') {
    return new AppError('not-permitted', `this user may not listen on ${host}:${port}`, {
      hint: 'Choose a port of 1024 or more: PORT in .env.',
      cause: error,
    });
  }
  return new AppError('config-invalid', `cannot listen on ${host}:${port}: ${String(error)}`, {
    hint: 'HOST has to be an address of this machine.',
    cause: error,
  });
}

function shownAddress(context: ServerContext, server: HttpServer): string {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : context.config.port;
  const { host, https } = context.config;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${https ? 'https' : 'http'}://${name}:${port}`;
}

/** Takes the address of the configuration, and gives it as people write it. */
async function bind(app: FastifyInstance, context: ServerContext): Promise<string> {
  const { host, port, accessKey } = context.config;
  refuseOpenServer(host, accessKey, isLoopback(host));
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw await listenFault(error, host, port);
  }
  const address = shownAddress(context, app.server);
  context.port = Number(new URL(address).port);
  return address;
}

const lastWordsMs = 500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

export async function createServer(options: ServerOptions): Promise<CorralServer> {
  const context = await createServerContext({ bootId: randomUUID(), ...options });
  const app = await buildApp(context);
  await app.ready();
  const stopNotices = forwardNotices(context);
  let address: string | null = null;

  async function drain(): Promise<void> {
    const deadline = performance.now() + drainTimeoutMs;
    while (context.inFlight.size > 0 && performance.now() < deadline) await pause(50);
    for (const controller of context.inFlight) controller.abort();
  }

  return {
    routes: context.routes,
    get address() {
      return address;
    },
    async listen(prepare = () => Promise.resolve()) {
      const opening = Promise.withResolvers<void>();
      context.opening = opening.promise;
      address = await bind(app, context);
      await prepare();
      opening.resolve();
      return address;
    },
    async handle(method, path, { headers, body, signal }) {
      const exchange = {
        method: method as 'GET',
        url: path,
        headers: { ...headers, authorization: `Bearer ${context.localToken}` },
        ...(body === undefined ? {} : { payload: body }),
        ...(signal === undefined ? {} : { signal }),
        payloadAsStream: true as const,
      };
      // Fastify hands the signal to the body of the answer, but to nobody who works for it.
      const inject = async () => await app.inject(exchange);
      const answer = await (signal ? askingCommand.run(signal, inject) : inject());
      return { status: answer.statusCode, body: answer.stream() };
    },
    async close() {
      context.isClosing = true;
      stopNotices();
      context.streams.closeAll();
      const closed = app.close();
      await Promise.race([drain(), pause(closeTimeoutMs)]);
      // What is still written has a moment to leave the sockets; idle ones hold up nobody.
      await Promise.race([closed, pause(lastWordsMs)]);
      app.server.closeAllConnections();
      await Promise.race([closed, pause(lastWordsMs)]);
      context.metrics.close();
    },
  };
}
