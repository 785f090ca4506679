import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as the service saw it. */
export interface SeenRequest {
  method: string;
  path: string;
  authorization: string | undefined;
  body: Record<string, unknown>;
  /** The client closed the connection before the answer ended. */
  wasClosed: boolean;
}

export type Handler = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** A service elsewhere that answers with the bytes of a fixture: what is under test is what we make of them. */
export interface StandInService {
  url: string;
  host: string;
  seen: SeenRequest[];
  /** Answers by `METHOD /path`; what is not there gets a 404 as FastAPI writes it. */
  handlers: Record<string, Handler>;
  close: () => Promise<void>;
}

export async function startService(handlers: Record<string, Handler> = {}): Promise<StandInService> {
  const seen: SeenRequest[] = [];
  const server: Server = createServer((request, response) => {
    void answer(service, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service: StandInService = {
    url: `http://${host}`,
    host,
    seen,
    handlers,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return service;
}

async function answer(service: StandInService, request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const seen: SeenRequest = {
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    wasClosed: false,
  };
  service.seen.push(seen);
  response.once('close', () => (seen.wasClosed = !response.writableFinished));
  const handler = service.handlers[`${seen.method} ${seen.path}`];
  if (handler) await handler(seen, response);
  else await json(404, { detail: 'Not Found' })(seen, response);
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

export function html(status: number, body = '<!doctype html><title>Welcome</title>'): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(body);
  };
}

/** The bytes of a stream, in pieces of `pieceBytes` so that frames and characters are cut anywhere. */
export function stream(text: string, options: { pieceBytes?: number; end?: boolean } = {}): Handler {
  return async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const bytes = Buffer.from(text);
    const size = options.pieceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (options.end !== false) response.end();
  };
}

export const frames = (objects: readonly unknown[], done = true): string =>
  objects.map((object) => `data: ${JSON.stringify(object)}\n\n`).join('') + (done ? 'data: [DONE]\n\n' : '');
