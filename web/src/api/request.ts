import { createStore } from '../state/store.ts';
import { strings } from '../strings.ts';

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
  /** How long nothing may be heard of the answer: until it begins, and between its parts where it is read here. */
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
    message: strings.shell.unreachable,
    hint: strings.shell.unreachableHint,
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
    message: strings.shell.answeredWith(response.status, response.statusText),
  });
}

/** A signal that is aborted when nothing is heard for too long; each `heard` begins that time anew. */
function patience({ signal, answerMs }: RequestOptions) {
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = (): void => {
    clearTimeout(timer);
    if (answerMs !== undefined) timer = setTimeout(() => late.abort(new TooLate()), answerMs);
  };
  heard();
  return {
    signal: !signal ? late.signal : answerMs === undefined ? signal : AbortSignal.any([signal, late.signal]),
    heard,
    over: () => clearTimeout(timer),
    /** Browsers do not agree on what they tell of a body that was given up. */
    failure: (error: unknown): unknown => {
      if (error instanceof ApiError || signal?.aborted) return error;
      return unreachable(late.signal.aborted ? late.signal.reason : error);
    },
  };
}

async function answerTo(
  method: string,
  path: string,
  options: RequestOptions & { signal: AbortSignal },
): Promise<Response> {
  const response = await fetch(address(path, options.query), {
    method,
    headers: headersOf(options),
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    signal: options.signal,
  });
  if (response.ok) return response;
  const error = await errorOf(response);
  if (error.code === 'key-required' || error.code === 'key-refused') signInNeeded.set(true);
  throw error;
}

/** Fetches, or throws an `ApiError`; aborting throws the signal's reason. */
export async function send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
  const { signal, failure, over } = patience(options);
  try {
    return await answerTo(method, path, { ...options, signal });
  } catch (error) {
    throw failure(error);
  } finally {
    over();
  }
}

async function textOf(response: Response, heard: () => void): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const part = await reader?.read();
    if (!part?.value) return text + decoder.decode();
    heard();
    text += decoder.decode(part.value, { stream: true });
  }
}

/** As `send`, and reads what it says. An answer that breaks off tells no more than none. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const { signal, heard, failure, over } = patience(options);
  try {
    const response = await answerTo(method, path, { ...options, signal });
    heard();
    // Whole where nobody watches its parts: browsers show their tools nothing of a body that is read in parts.
    const text = options.answerMs === undefined ? await response.text() : await textOf(response, heard);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  } catch (error) {
    throw failure(error);
  } finally {
    over();
  }
}
