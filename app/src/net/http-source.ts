import { AppError } from '../contracts/app-error.ts';
import type { ByteSource } from '../formats/byte-source.ts';
import type { HttpClient, HttpRequestOptions, HttpResponse } from './http-client.ts';
import { toNetworkError } from './network-errors.ts';
import { createRetrying, type RetryOptions, type RetryPolicy, waitAskedFor } from './retry.ts';

export interface HttpSourceOptions {
  client: HttpClient;
  name: string;
  sizeBytes: number;
  /** Where the file is served; redirects from there are followed once and the target is used until it refuses. */
  url: URL;
  /** The token, and the origins it belongs to. */
  secretHeaders?: HttpRequestOptions['secretHeaders'];
  /** How the Hub identifies the content of a file that is stored apart, where that is known: its sha256. */
  linkedEtag?: string | undefined;
  /** How a refusal of the server of `url` itself is told; one it redirects to is a failure of its own. */
  refusal: (response: HttpResponse) => AppError;
  retry: RetryPolicy;
  onRetry?: RetryOptions['onRetry'];
}

export interface HttpSource extends ByteSource {
  stream(offset: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** A location that refuses is resolved anew this often in a row, then its answer is shown. */
const maxRelocations = 2;
/** Signed addresses say why they refuse in a short XML or JSON text. */
const maxExcerptLength = 300;

interface Location {
  url: URL;
  etag: string | undefined;
}

/**
 * A file on a server that answers ranges. `stream` goes on where a cut connection ended; a file whose identity changes
 * in between rejects with `hub-changed` instead of mixing two versions.
 */
export function createHttpSource(options: HttpSourceOptions): HttpSource {
  const state: SourceState = { options, identity: options.linkedEtag, location: undefined, relocations: 0 };
  async function* stream(offset: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* readOn(state, { from: offset, to: options.sizeBytes }, signal);
  }
  return {
    name: options.name,
    sizeBytes: options.sizeBytes,
    stream,
    async read(offset, length, signal) {
      if (offset < 0 || length < 0 || offset + length > options.sizeBytes)
        throw beyondEnd(options, offset, length);
      const bytes = new Uint8Array(length);
      let done = 0;
      for await (const chunk of readOn(state, { from: offset, to: offset + length }, signal)) {
        bytes.set(chunk, done);
        done += chunk.length;
      }
      return bytes;
    },
  };
}

interface SourceState {
  options: HttpSourceOptions;
  identity: string | undefined;
  location: Location | undefined;
  relocations: number;
}

interface Span {
  from: number;
  to: number;
}

/** Yields exactly the span, over as many connections as it takes. */
async function* readOn(state: SourceState, span: Span, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const { retry: policy, onRetry } = state.options;
  const retrying = createRetrying({ policy, signal, onRetry });
  let at = span.from;
  while (at < span.to) {
    try {
      const response = await openRange(state, { from: at, to: span.to }, signal);
      for await (const chunk of response.body) {
        // Reading to the natural end keeps the connection for the next range; only a server that sends more is cut off.
        if (at === span.to) return;
        const piece = chunk.length > span.to - at ? chunk.subarray(0, span.to - at) : chunk;
        at += piece.length;
        retrying.success();
        yield piece;
      }
      if (at === span.to) return;
      throw cutShort(state.options, at);
    } catch (error) {
      await retrying.failed(toNetworkError(error, state.options.url.hostname, { signal }));
    }
  }
}

async function openRange(state: SourceState, span: Span, signal?: AbortSignal): Promise<HttpResponse> {
  const { options, location } = state;
  const response = await options.client.request(location?.url ?? options.url, {
    headers: { range: `bytes=${span.from}-${span.to - 1}`, ...ifRange(location) },
    ...(options.secretHeaders === undefined ? {} : { secretHeaders: options.secretHeaders }),
    // A server without ranges sends all of it; the reader stops at the end of the span by itself.
    maxBytes: options.sizeBytes + (1 << 20),
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status !== 206 && !(response.status === 200 && span.from === 0)) {
    throw await refusal(state, response);
  }
  try {
    accept(state, response, span);
  } catch (error) {
    await response.discard();
    throw error;
  }
  return response;
}

/** Only where this very server named the etag before: another server may name the same bytes otherwise. */
function ifRange(location: Location | undefined): Record<string, string> {
  const etag = location?.etag;
  return etag === undefined || etag.startsWith('W/') ? {} : { 'if-range': etag };
}

/** Checks that the answer is the asked part of the same file, and remembers where it came from. */
function accept(state: SourceState, response: HttpResponse, span: Span): void {
  const { name, sizeBytes } = state.options;
  const part = partOf(response, sizeBytes);
  if (part?.from !== span.from) {
    throw new AppError('hub-failed', `${response.url.hostname} answered with another part of ${name}.`, {
      details: { file: name },
    });
  }
  const etag = response.headers['etag'];
  const identity = identityOf(response);
  if (part.total !== sizeBytes || differ(identity, state.identity)) throw changed(name);
  const isSameServer = state.location?.url.host === response.url.host;
  if (isSameServer && differ(etag, state.location?.etag)) throw changed(name);
  state.identity ??= identity;
  state.location = { url: response.url, etag };
  state.relocations = 0;
}

function partOf(response: HttpResponse, sizeBytes: number): { from: number; total: number } | undefined {
  if (response.status === 200) {
    return { from: 0, total: Number(response.headers['content-length'] ?? sizeBytes) };
  }
  const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers['content-range'] ?? '');
  return match === null ? undefined : { from: Number(match[1]), total: Number(match[2]) };
}

/** The Hub names a large file by its sha256 on the redirect; a mirror that serves it itself may name it anyhow. */
function identityOf(response: HttpResponse): string | undefined {
  for (const { headers } of [...response.redirects, response]) {
    const linked = headers['x-linked-etag'];
    if (linked !== undefined) return linked.replace(/^W\//, '').replaceAll('"', '');
  }
  return undefined;
}

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

async function refusal(state: SourceState, response: HttpResponse): Promise<AppError> {
  const { options } = state;
  const host = response.url.hostname;
  const text = await excerpt(response);
  if (response.status === 200 || response.status === 416) return changed(options.name);
  const wasSigned = state.location !== undefined && state.location.url.href !== options.url.href;
  if ([401, 403, 404, 410].includes(response.status) && wasSigned && state.relocations < maxRelocations) {
    state.location = undefined;
    state.relocations += 1;
    return new AppError('hub-failed', `The address of ${options.name} at ${host} has expired.`, {
      details: { retryAfterMs: 0 },
    });
  }
  if (response.url.host === options.url.host) return options.refusal(response);
  if (response.status === 429 || response.status >= 500) {
    const retryAfterMs = waitAskedFor(response);
    return new AppError('hub-failed', `${host} answered ${response.status} for ${options.name}.`, {
      details: { status: response.status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    });
  }
  return new AppError('hub-failed', `${host} refuses ${options.name} with ${response.status}: ${text}`, {
    hint: 'Pull again; if it stays, something on the way to that server changes what is asked.',
    details: { status: response.status, file: options.name, final: true },
  });
}

async function excerpt(response: HttpResponse): Promise<string> {
  if (response.status === 200) {
    await response.discard();
    return '';
  }
  const text = await response.text().catch(() => '');
  return (
    text
      .replace(/[\p{Cc}\s]+/gu, ' ')
      .slice(0, maxExcerptLength)
      .trim() || '(no reason given)'
  );
}

function changed(name: string): AppError {
  return new AppError('hub-changed', `${name} changed on the server while it was being read.`, {
    hint: 'Pull again: it starts anew with the new version.',
    details: { file: name },
  });
}

function cutShort(options: HttpSourceOptions, at: number): AppError {
  return new AppError(
    'network-failed',
    `The connection ended ${options.sizeBytes - at} bytes before the end of ${options.name}.`,
    {
      details: { file: options.name, at },
    },
  );
}

function beyondEnd(options: HttpSourceOptions, offset: number, length: number): AppError {
  return new AppError(
    'file-invalid',
    `${options.name} ends at byte ${options.sizeBytes}, before ${offset} + ${length}.`,
    { details: { name: options.name, offset, length, sizeBytes: options.sizeBytes } },
  );
}
