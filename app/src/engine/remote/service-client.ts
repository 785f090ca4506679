import type { Log } from '../../lib/log.ts';
import {
  createHttpClient,
  type HttpClient,
  type HttpRequestOptions,
  type HttpResponse,
} from '../../net/http-client.ts';
import type { ProxySettings } from '../../net/http-sender.ts';
import type { Deadlines, RemoteProvider } from './remote-provider.ts';
import { invalidAnswer, refusalError, transportError } from './service-errors.ts';

/** Requests to one service: its key goes to its own origin, redirects are refused, every failure names it. */
export interface ServiceClient {
  readonly provider: RemoteProvider;
  /** A body to be read piece by piece. */
  open(path: string, request: ServiceRequest): Promise<HttpResponse>;
  /** A short JSON answer as a whole. */
  json(path: string, request?: Omit<ServiceRequest, 'accept'>): Promise<unknown>;
  close(): Promise<void>;
}

export interface ServiceRequest {
  /** JSON to be POSTed; absent: a GET. */
  body?: object | string;
  signal?: AbortSignal;
  /** The model in question, for the error. */
  model?: string;
  /** Media type that alone is an answer; another one is refused. */
  accept?: string;
  isApiKnown?: boolean;
}

export interface ServiceClientOptions {
  deadlines: Deadlines;
  ownPorts: () => readonly number[];
  log: Log;
  proxy?: ProxySettings;
}

/** A stream holds about 300 bytes a token; the longest answers have a million tokens. */
const maxStreamBytes = 1 << 30;
/** The longest known list (OpenRouter's) has 1 MB. */
const maxShortBytes = 8 << 20;
/** An error body is looked at so far. */
const maxErrorBytes = 64 << 10;
/** Streams that may run at once through one service; more wait for a connection. */
const maxConnections = 1024;

export function createServiceClient(provider: RemoteProvider, options: ServiceClientOptions): ServiceClient {
  const url = new URL(provider.url);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const http = createHttpClient({
    // Naming it is the consent to plain http and to a private network; nothing else is opened by it.
    allowedHosts: [`${url.hostname}:${port}`],
    ownPorts: options.ownPorts,
    log: options.log,
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    connections: maxConnections,
    connectMs: options.deadlines.connectMs,
  });
  return {
    provider,
    open: (path, request) => open({ http, provider, deadlines: options.deadlines }, path, request),
    json: async (path, request = {}) => {
      const parts = { http, provider, deadlines: options.deadlines };
      const answer = await open(parts, path, { ...request, isShort: true });
      if (isPage(answer)) throw await page(provider, answer);
      const text = await answer.text().catch((error: unknown) => {
        throw transportError(provider, error);
      });
      return parse(provider, text);
    },
    close: () => http.close(),
  };
}

interface Parts {
  http: HttpClient;
  provider: RemoteProvider;
  deadlines: Deadlines;
}

async function open(parts: Parts, path: string, request: FullRequest): Promise<HttpResponse> {
  const { http, provider } = parts;
  const answer = await http
    .request(provider.url + path, httpRequest(parts, request))
    .catch((error: unknown) => {
      throw transportError(provider, error);
    });
  if (answer.status >= 400) throw await refused(provider, answer, request);
  const type = answer.headers['content-type'] ?? '';
  if (request.accept === undefined || type.startsWith(request.accept)) return answer;
  throw await page(provider, answer);
}

type FullRequest = ServiceRequest & { isShort?: boolean };

function httpRequest({ provider, deadlines }: Parts, request: FullRequest): HttpRequestOptions {
  const { body, signal, isShort = false } = request;
  const { firstMs, idleMs, shortMs } = deadlines;
  return {
    method: body === undefined ? 'GET' : 'POST',
    headers: headersOf(request),
    secretHeaders: {
      headers: provider.key === '' ? {} : { authorization: `Bearer ${provider.key}` },
      origins: [new URL(provider.url).origin],
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    redirects: 'refuse',
    maxBytes: isShort ? maxShortBytes : maxStreamBytes,
    minBytesPerSecond: 0,
    timeouts: isShort ? { totalMs: shortMs } : { headersMs: firstMs, idleMs: Math.max(firstMs, idleMs) },
    ...(signal === undefined ? {} : { signal }),
  };
}

function headersOf({ body, accept }: ServiceRequest): Record<string, string> {
  return {
    accept: accept ?? 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
}

async function refused(provider: RemoteProvider, answer: HttpResponse, request: ServiceRequest) {
  const { status, headers } = answer;
  const isApiKnown = request.isApiKnown ?? false;
  return refusalError(provider, {
    status,
    headers,
    body: await beginning(answer),
    model: request.model ?? null,
    isApiKnown,
  });
}

async function beginning(answer: HttpResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= maxErrorBytes) break;
    }
  } catch {
    // What came is enough: the status says the rest.
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isPage({ headers }: HttpResponse): boolean {
  return (headers['content-type'] ?? '').startsWith('text/html');
}

async function page(provider: RemoteProvider, answer: HttpResponse) {
  const what = isPage(answer) ? 'a web page' : (answer.headers['content-type'] ?? 'nothing that is named');
  await answer.discard();
  return invalidAnswer(provider, `answered with ${what.slice(0, 80)} instead of its API`);
}

export function parse(provider: RemoteProvider, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalidAnswer(provider, 'answered with something that is not JSON', { cause: error });
  }
}
