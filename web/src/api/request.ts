import { createStore } from '../state/store.ts';

/** The one error of the page's traffic; `code` is the server's, or `unreachable` where nothing answered. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly status: number;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(status: number, body: { code: string; message: string; hint?: string; details?: object }) {
    super(body.message);
    this.status = status;
    this.code = body.code;
    this.hint = body.hint;
    this.details = (body.details ?? {}) as Record<string, unknown>;
  }

  /** Nobody knows whether the server had the request. */
  get isUnreachable(): boolean {
    return this.code === 'unreachable';
  }

  /** No answer came in the time there was for it. */
  get isLate(): boolean {
    return this.cause instanceof TooLate;
  }
}

class TooLate extends Error {}

/** True while the server wants its access key; the sign-in card shows then, and nothing typed is lost. */
export const signInNeeded = createStore(false);

export interface RequestOptions {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  /** The version a change is based on. */
  version?: number;
  /** Repeating it gives the first answer again. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  /** How long the answer may take to begin. */
  answerMs?: number;
}

export function address(path: string, query: RequestOptions['query'] = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.size > 0 ? `${path}?${search.toString()}` : path;
}

function headersOf(options: RequestOptions): Record<string, string> {
  return {
    accept: 'application/json',
    ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(options.version === undefined ? {} : { 'if-match': `"${options.version}"` }),
    ...(options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey }),
    ...options.headers,
  };
}

export function unreachable(cause: unknown): ApiError {
  const error = new ApiError(0, {
    code: 'unreachable',
    message: 'The server does not answer.',
    hint: 'It may have been stopped, or the network is away. What you typed is still here.',
  });
  error.cause = cause;
  return error;
}

/** What proxies say when the server behind them does not answer. */
const gatewayStatuses = new Set([502, 503, 504]);

/** The answer's error as ours, whatever a proxy on the way made of it. */
export async function errorOf(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { error?: { code: string; message: string; hint?: string } };
    if (body.error?.code) return new ApiError(response.status, body.error);
  } catch {
    // Not JSON: something between the page and the server answered.
  }
  return new ApiError(response.status, {
    code: gatewayStatuses.has(response.status) ? 'unreachable' : 'internal',
    message: `The server answered ${response.status} ${response.statusText}.`.trim(),
  });
}

/** A signal that is aborted when the answer does not begin in time; `begun` says that it has. */
function patience({ signal, answerMs }: RequestOptions): { signal: AbortSignal | null; begun: () => void } {
  if (answerMs === undefined) return { signal: signal ?? null, begun: () => undefined };
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new TooLate()), answerMs);
  return {
    signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    begun: () => clearTimeout(timer),
  };
}

/** Fetches, or throws an `ApiError`; aborting throws the signal's reason. */
export async function send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
  let response: Response;
  const { signal, begun } = patience(options);
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers: headersOf(options),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw unreachable(error);
  } finally {
    begun();
  }
  if (response.ok) return response;
  const error = await errorOf(response);
  if (error.code === 'key-required' || error.code === 'key-refused') signInNeeded.set(true);
  throw error;
}

export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(method, path, options);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
