import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Act } from './misbehaviour.ts';

export interface ServedBytes {
  bytes: Buffer;
  etag: string;
  headers?: Record<string, string>;
}

/** Answers with a file or the asked range of it, or with what `act` makes of that. */
export function serveBytes(
  request: IncomingMessage,
  response: ServerResponse,
  served: ServedBytes,
  act: Act | undefined,
): void {
  const etag = act?.kind === 'etag' ? act.etag : served.etag;
  const range = act?.kind === 'ignore-range' ? undefined : askedRange(request, served.bytes.length, etag);
  const headers: Record<string, string> = { ...served.headers, etag, 'accept-ranges': 'bytes' };
  if (range !== undefined && range.from >= served.bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${served.bytes.length}` }).end();
    return;
  }
  const part = range === undefined ? served.bytes : served.bytes.subarray(range.from, range.to + 1);
  if (range !== undefined) {
    headers['content-range'] = `bytes ${range.from}-${range.from + part.length - 1}/${served.bytes.length}`;
  }
  send({ request, response, part, status: range === undefined ? 200 : 206, headers, act });
}

interface Sending {
  request: IncomingMessage;
  response: ServerResponse;
  part: Buffer;
  status: number;
  headers: Record<string, string>;
  act: Act | undefined;
}

function send({ request, response, part, status, headers, act }: Sending): void {
  let body = part;
  if (act?.kind === 'corrupt' && part.length > 0) {
    body = Buffer.from(part);
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
  }
  if (act?.kind === 'gzip') {
    body = gzipSync(body);
    headers['content-encoding'] = 'gzip';
  }
  if (act?.kind === 'short-length') body = body.subarray(0, act.bytes);
  response.writeHead(status, { ...headers, 'content-length': String(body.length) });
  if (request.method === 'HEAD') {
    response.end();
  } else if (act?.kind === 'truncate' && body.length > act.afterBytes) {
    response.write(body.subarray(0, act.afterBytes), () => setTimeout(() => response.destroy(), 5));
  } else if (act?.kind === 'drip') {
    drip(response, body, act);
  } else {
    response.end(body);
  }
}

function drip(response: ServerResponse, body: Buffer, act: { bytes: number; everyMs: number }): void {
  let at = 0;
  const timer = setInterval(() => {
    if (response.destroyed || at >= body.length) {
      clearInterval(timer);
      response.end();
      return;
    }
    response.write(body.subarray(at, at + act.bytes));
    at += act.bytes;
  }, act.everyMs);
  response.once('close', () => clearInterval(timer));
}

function askedRange(
  request: IncomingMessage,
  sizeBytes: number,
  etag: string,
): { from: number; to: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (match === null) return undefined;
  const condition = request.headers['if-range'];
  if (condition !== undefined && condition !== etag) return undefined;
  return {
    from: Number(match[1]),
    to: match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1),
  };
}
