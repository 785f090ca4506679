import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { AppError } from '../contracts/app-error.ts';
import type { Log } from '../lib/log.ts';
import {
  createDestinationGate,
  type DestinationGate,
  type DestinationOptions,
  portOf,
} from './destination.ts';
import { collectBody, readBody } from './http-body.ts';
import { createSender, hasProxy, type Sender, type SenderOptions } from './http-sender.ts';
import { toNetworkError } from './network-errors.ts';

/**
 * The one way out of this program. Every address is checked as bytes at the moment it is dialled, redirects are
 * walked by hand, secrets go to named origins only, and every answer has caps in bytes and time.
 */
export interface HttpClient {
  /** Answers of any status resolve; `address-refused`, `redirect-refused`, `timed-out`, `network-failed`, `cancelled` reject. */
  request(url: string | URL, options?: HttpRequestOptions): Promise<HttpResponse>;
  close(): Promise<void>;
}

export interface HttpClientOptions extends DestinationOptions, SenderOptions {
  log: Log;
}

export interface HttpRequestOptions {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Sent to the first origin; of these only the ones that describe the request itself follow a redirect elsewhere. */
  headers?: Record<string, string>;
  /** Sent to these origins (`https://host[:port]`) and to no other, whatever redirects say. */
  secretHeaders?: { headers: Record<string, string>; origins: readonly string[] };
  body?: string | Uint8Array | Readable | AsyncIterable<Uint8Array>;
  timeouts?: HttpTimeouts;
  /** Cap on the body, packed and unpacked; default 8 MiB. */
  maxBytes?: number;
  /** A body that is slower than this for `idleMs` is given up; default 64. 0: pieces may be small and rare. */
  minBytesPerSecond?: number;
  /**
   * `follow` (default for GET and HEAD), `return` hands the 3xx to the caller, `refuse` rejects (default for methods
   * that change something: what was sent to one host is never sent to another).
   */
  redirects?: 'follow' | 'return' | 'refuse';
  signal?: AbortSignal;
}

export interface HttpTimeouts {
  /** From the call to the answer's headers, redirects included; default 30 s. */
  headersMs?: number;
  /** Between two pieces of the body; default 30 s. */
  idleMs?: number;
  /** For the whole request with its body; default none. */
  totalMs?: number;
}

export interface HttpResponse {
  status: number;
  /** Lower-case names; repeated headers joined with `, `. */
  headers: Readonly<Record<string, string>>;
  /** Where the answer came from, after redirects. */
  url: URL;
  /** Every answer on the way, in order: what a redirect said about the file is often needed (`x-repo-commit`). */
  redirects: readonly { status: number; headers: Readonly<Record<string, string>>; url: URL }[];
  /** The unpacked body, once. Leaving the loop closes the connection. */
  body: AsyncIterable<Uint8Array>;
  bytes(): Promise<Buffer>;
  text(): Promise<string>;
  /** `network-failed` where it is not JSON. */
  json(): Promise<unknown>;
  /** Throws the body away; needed when nothing reads it. */
  discard(): Promise<void>;
}

const maxRedirects = 6;
const defaultMaxBytes = 8 << 20;
const defaultTimeoutMs = 30_000;
const defaultMinBytesPerSecond = 64;
/** Headers that may follow a redirect to another origin. */
const portableHeaders = new Set([
  'accept',
  'accept-encoding',
  'range',
  'if-range',
  'if-none-match',
  'user-agent',
]);

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const gate = createDestinationGate(options);
  let sending: Promise<Sender> | undefined;
  return {
    request: (url, requestOptions = {}) => {
      sending ??= createSender(gate, options);
      const isProxied = hasProxy(options.proxy);
      return walk({ gate, sending, isProxied, log: options.log }, new URL(url), requestOptions);
    },
    close: async () => (await sending)?.agent.destroy(),
  };
}

interface Parts {
  gate: DestinationGate;
  sending: Promise<Sender>;
  isProxied: boolean;
  log: Log;
}

async function walk(parts: Parts, first: URL, options: HttpRequestOptions): Promise<HttpResponse> {
  const method = options.method ?? 'GET';
  const policy = options.redirects ?? (method === 'GET' || method === 'HEAD' ? 'follow' : 'refuse');
  const signal = signalOf(options);
  const redirects: { status: number; headers: Record<string, string>; url: URL }[] = [];
  let url = first;
  for (;;) {
    const answer = await sendOnce(parts, url, { ...options, method, signal }, first.origin);
    const headers = flatten(answer.headers);
    const isRedirect =
      [301, 302, 303, 307, 308].includes(answer.statusCode) && headers['location'] !== undefined;
    if (!isRedirect || policy === 'return') {
      return toResponse(answer, { headers, url, redirects, options, signal });
    }
    await answer.body.dump({ limit: 1 << 16 }).catch(() => undefined);
    redirects.push({ status: answer.statusCode, headers, url });
    url = nextUrl({ url, location: headers['location'] ?? '', policy, steps: redirects.length });
  }
}

function nextUrl(step: { url: URL; location: string; policy: 'follow' | 'refuse'; steps: number }): URL {
  const refuse = (why: string): AppError =>
    new AppError(
      'redirect-refused',
      `${step.url.hostname} sent the request on, and that is refused: ${why}.`,
      {
        hint: 'Use the address of the server itself.',
        details: { host: step.url.hostname },
      },
    );
  if (step.policy === 'refuse') throw refuse('what was sent to one server is not sent to another');
  if (step.steps > maxRedirects) throw refuse(`more than ${maxRedirects} redirects in a row`);
  const next = URL.parse(step.location, step.url.href);
  if (next === null) throw refuse('its target is no address');
  if (step.url.protocol === 'https:' && next.protocol !== 'https:') throw refuse('it leaves https');
  return next;
}

async function sendOnce(
  parts: Parts,
  url: URL,
  options: HttpRequestOptions & { method: string; signal: AbortSignal | undefined },
  firstOrigin: string,
): Promise<Dispatcher.ResponseData> {
  parts.gate.checkUrl(url);
  // Path and query stay out of the log: signed addresses carry their secret there.
  parts.log.debug({ host: url.host, port: portOf(url), method: options.method }, 'outbound request');
  try {
    const { agent, send } = await parts.sending;
    return await send(url.href, {
      dispatcher: agent,
      method: options.method as Dispatcher.HttpMethod,
      headers: headersFor(url, options, firstOrigin),
      body: (options.body ?? null) as Readable | string | Uint8Array | null,
      headersTimeout: options.timeouts?.headersMs ?? defaultTimeoutMs,
      bodyTimeout: options.timeouts?.idleMs ?? defaultTimeoutMs,
      signal: options.signal ?? null,
    });
  } catch (error) {
    throw toNetworkError(error, url.hostname, {
      signal: cancelSignal(options.signal),
      isProxied: parts.isProxied,
    });
  }
}

/** A request starts from no headers at all; nothing of what came in to this program goes out by itself. */
function headersFor(url: URL, options: HttpRequestOptions, firstOrigin: string): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'corral', 'accept-encoding': 'identity' };
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    const lower = name.toLowerCase();
    if (url.origin === firstOrigin || portableHeaders.has(lower)) headers[lower] = value;
  }
  const secret = options.secretHeaders;
  if (secret?.origins.includes(url.origin) === true) {
    for (const [name, value] of Object.entries(secret.headers)) headers[name.toLowerCase()] = value;
  }
  return headers;
}

interface ResponseParts {
  headers: Record<string, string>;
  url: URL;
  redirects: HttpResponse['redirects'];
  options: HttpRequestOptions;
  signal: AbortSignal | undefined;
}

function toResponse(answer: Dispatcher.ResponseData, parts: ResponseParts): HttpResponse {
  const body = readBody(answer.body, parts.headers['content-encoding'] ?? '', {
    host: parts.url.hostname,
    maxBytes: parts.options.maxBytes ?? defaultMaxBytes,
    slowWindowMs: parts.options.timeouts?.idleMs ?? defaultTimeoutMs,
    minBytesPerSecond: parts.options.minBytesPerSecond ?? defaultMinBytesPerSecond,
    signal: cancelSignal(parts.signal),
  });
  const bytes = (): Promise<Buffer> => collectBody(body);
  return {
    status: answer.statusCode,
    headers: parts.headers,
    url: parts.url,
    redirects: parts.redirects,
    body,
    bytes,
    text: async () => (await bytes()).toString('utf8'),
    json: async () => parseJson(await bytes(), parts.url.hostname),
    discard: () => answer.body.dump({ limit: 1 << 16 }).catch(() => undefined),
  };
}

function parseJson(bytes: Buffer, host: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    throw new AppError('network-failed', `${host} did not answer with JSON.`, {
      cause: error,
      details: { host },
    });
  }
}

/** The signal where a person ended it; undefined where time ran out, which is another error. */
function cancelSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  const reason: unknown = signal?.aborted === true ? signal.reason : undefined;
  return reason instanceof Error && reason.name === 'TimeoutError' ? undefined : signal;
}

function signalOf(options: HttpRequestOptions): AbortSignal | undefined {
  const totalMs = options.timeouts?.totalMs;
  if (totalMs === undefined) return options.signal;
  const deadline = AbortSignal.timeout(totalMs);
  return options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}
