import { createParser } from 'eventsource-parser';
import { AppError, type ErrorBody } from '../contracts/app-error.ts';

export interface ApiEvent {
  event: string;
  data: unknown;
}

export interface ApiRequest {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The native API as the commands use it; every failure is an `AppError`. */
export interface Api {
  /** Whether a server answers; else this command is alone with its CORRAL_HOME, and nobody else writes answers there. */
  readonly hasServer: boolean;
  request<Answer>(method: string, path: string, request?: ApiRequest): Promise<Answer>;
  /** The answer's body as bytes, for files. */
  download(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Server-sent events of a GET, until the server ends them or the signal aborts. */
  events(path: string, signal?: AbortSignal): AsyncIterable<ApiEvent>;
  close(): Promise<void>;
}

/** One exchange with the server, over a socket or inside the process. */
export type Transport = (
  method: string,
  path: string,
  request: { headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<{ status: number; body: AsyncIterable<Uint8Array> }>;

/** The body as it comes; one that breaks off is no end. */
async function* whole(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw signal?.aborted ? stopped(cause) : serverGone(cause);
  }
}

const stopped = (cause: unknown): AppError => new AppError('cancelled', 'the command was stopped', { cause });

export function serverGone(cause?: unknown): AppError {
  return new AppError('input-output', 'the server went away before its answer was whole', {
    hint: 'Start it again: it goes on with answers it was writing, except in temporary chats.',
    cause,
  });
}

async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function failure(status: number, body: AsyncIterable<Uint8Array>): Promise<AppError> {
  const content = await text(body);
  try {
    const { error } = JSON.parse(content) as { error: ErrorBody };
    return AppError.fromJSON(error);
  } catch (cause) {
    return new AppError(
      'internal',
      `the server answered ${status} with something that is not an error of ours`,
      {
        cause,
      },
    );
  }
}

export interface ApiParts {
  transport: Transport;
  hasServer: boolean;
  close: () => Promise<void>;
}

export function createApi({ transport, hasServer, close }: ApiParts): Api {
  async function open(method: string, path: string, request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    const headers = { ...request.headers };
    if (request.body !== undefined) headers['content-type'] = 'application/json';
    const answer = await transport(method, path, {
      headers,
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    }).catch((cause: unknown) => {
      throw request.signal?.aborted ? stopped(cause) : cause;
    });
    const body = whole(answer.body, request.signal);
    if (answer.status >= 400) throw await failure(answer.status, body);
    return body;
  }

  return {
    hasServer,
    async request<Answer>(method: string, path: string, request: ApiRequest = {}): Promise<Answer> {
      const content = await text(await open(method, path, request));
      return (content === '' ? undefined : JSON.parse(content)) as Answer;
    },
    download: (path, signal) => open('GET', path, signal === undefined ? {} : { signal }),
    async *events(path, signal) {
      const body = await open('GET', path, {
        headers: { accept: 'text/event-stream' },
        ...(signal === undefined ? {} : { signal }),
      });
      yield* parseEvents(body);
    },
    close,
  };
}

async function* parseEvents(body: AsyncIterable<Uint8Array>): AsyncIterable<ApiEvent> {
  const ready: ApiEvent[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) =>
      ready.push({ event: event ?? 'message', data: JSON.parse(data) as unknown }),
  });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* ready.splice(0);
  }
}
